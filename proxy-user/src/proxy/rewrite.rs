//! A request as the app sees it, by the app's configuration.

use http::uri::{Parts, PathAndQuery};
use http::{HeaderMap, Uri};

use super::answer::Answer;
use crate::config::Upstream;
use crate::core::headers::change;
use crate::core::upstream_target::upstream_target;
use crate::session::AppPolicy;

/// The target for the app at this upstream.
pub(super) fn target(
    policy: &AppPolicy,
    upstream: &Upstream,
    asked: Option<&PathAndQuery>,
) -> Result<Uri, Answer> {
    let strip = policy.config.strip_path.then_some(&*policy.config.path);
    let target = upstream_target(asked, strip, upstream.base()).ok_or(Answer::HeadTooBig)?;
    let mut parts = Parts::default();
    parts.path_and_query = Some(target);
    Uri::from_parts(parts).map_err(|_| Answer::HeadTooBig)
}

/// `request_headers`.
pub(super) fn request(policy: &AppPolicy, headers: &mut HeaderMap) {
    change(headers, &policy.config.request_headers);
}

/// `response_headers`.
pub(super) fn response(policy: &AppPolicy, headers: &mut HeaderMap) {
    change(headers, &policy.config.response_headers);
}
