//! Reporting activity to a control plane: `[report]`.
//!
//! Plain data: nothing here parses or checks.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::value::template::Template;
use crate::toml_file::quote_url;

/// Where and how activity is reported: `[report]`.
#[derive(Clone, PartialEq, Eq)]
pub struct Report {
    /// `http` or `https`; `{app}` in its path or query stands for the app's name. It may be absent
    /// even with many apps, because the body names the app too.
    pub url: String,
    /// Default `PATCH`.
    pub method: http::Method,
    /// At most one report per app in this time, 100 ms to 24 h. Default 30 s.
    pub interval: Duration,
    /// File with the token to send. Default: none.
    pub token_file: Option<PathBuf>,
    /// The header that carries the token as it is; `None` = `Authorization: Bearer …`.
    pub token_header: Option<http::HeaderName>,
    /// The body; `None` = the default shown in the documentation.
    pub body: Option<Template>,
}

impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { url, method, interval, token_file, token_header, body } = self;
        let mut shown = f.debug_struct("Report");
        shown.field("url", &format_args!("{}", quote_url(url))).field("method", method);
        shown.field("interval", interval).field("token_file", token_file);
        shown.field("token_header", token_header).field("body", body).finish()
    }
}

impl Report {
    /// Reports to `url`, with defaults for the rest.
    #[must_use]
    pub fn new(url: String) -> Self {
        Self {
            url,
            method: http::Method::PATCH,
            interval: Duration::from_secs(30),
            token_file: None,
            token_header: None,
            body: None,
        }
    }

    /// The URL for one app. App names need no percent-encoding.
    #[must_use]
    pub fn url_for(&self, app: &str) -> String {
        self.url.replace(super::value::web::APP, app)
    }
}
