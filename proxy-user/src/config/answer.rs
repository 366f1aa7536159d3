//! Requests that Ebbtide answers itself: `[[app.answer]]`.
//!
//! Plain data: nothing here parses or checks.

use bytes::Bytes;
use http::header::USER_AGENT;
use http::{HeaderMap, Method};

use crate::core::pack::Pattern;

/// A request that is answered whatever the app's state, and the answer. A request matches if all of `path`,
/// `method` and `user_agent` that are set match; at least one is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnAnswer {
    /// Found in the request's path, without the query.
    pub path: Option<Pattern>,
    /// The request's method.
    pub method: Option<Method>,
    /// Found in its `User-Agent`; does not match a request without one.
    pub user_agent: Option<Pattern>,
    /// 200 to 599. Default 200.
    pub status: http::StatusCode,
    /// Default: empty. Always empty for 204, 205 and 304.
    pub body: Bytes,
    /// Default `text/plain; charset=utf-8`.
    pub content_type: http::HeaderValue,
}

impl OwnAnswer {
    /// Default values for the rest.
    #[must_use]
    pub fn new(path: Option<Pattern>) -> OwnAnswer {
        OwnAnswer {
            path,
            method: None,
            user_agent: None,
            status: http::StatusCode::OK,
            body: Bytes::new(),
            content_type: http::HeaderValue::from_static("text/plain; charset=utf-8"),
        }
    }

    /// Whether a request matches.
    #[must_use]
    pub fn fits(&self, method: &Method, path: &str, headers: &HeaderMap) -> bool {
        let agent = || headers.get(USER_AGENT)?.to_str().ok();
        self.path.as_ref().is_none_or(|pattern| pattern.fits(path.as_bytes()))
            && self.method.as_ref().is_none_or(|wanted| wanted == method)
            && self
                .user_agent
                .as_ref()
                .is_none_or(|pattern| agent().is_some_and(|agent| pattern.fits(agent.as_bytes())))
    }
}
