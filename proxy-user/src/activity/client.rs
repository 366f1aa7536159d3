//! One activity report over HTTP.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use http::header::CONTENT_TYPE;
use serde::Serialize;

use crate::clock;
use crate::config::Report;
use crate::control_plane::{self, Token, TokenError};
use crate::core::report::LastUse;
use crate::error::chain;
use crate::session::App;

/// Why reports cannot be sent at all.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// There is no token to send.
    #[error("[report]: {}", chain(.0))]
    Token(#[from] TokenError),
    /// No HTTP client can be made.
    #[error("cannot set up the client for reports")]
    Http(#[from] reqwest::Error),
}

/// Sends reports to one control plane.
#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
    report: Report,
    token: Option<Token>,
}

/// The body of a report, unless there is a template.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    app: &'a str,
    last_activity: String,
    reason: &'static str,
    sessions: usize,
}

impl Client {
    /// A client for `report`; reads its token file.
    ///
    /// # Errors
    /// The token file cannot be read or used, or TLS cannot be set up.
    pub fn new(report: Report) -> Result<Client, ClientError> {
        let header = report.token_header.as_ref();
        let token = report.token_file.as_ref().map(|path| Token::read(path, header)).transpose()?;
        let http = control_plane::client()?;
        Ok(Client { http, report, token })
    }

    /// At most one report per app in this time.
    pub fn interval(&self) -> Duration {
        self.report.interval
    }

    /// Sends one report. True if the control plane accepted it.
    pub(super) async fn send(self: Arc<Self>, app: Arc<App>, last_use: LastUse) -> bool {
        let name = &*app.name;
        let body = Body {
            app: name,
            last_activity: humantime::format_rfc3339_seconds(clock::wall(last_use.at)).to_string(),
            reason: last_use.reason,
            sessions: app.live.load(Relaxed),
        };
        let url = self.report.url_for(name);
        let request = self.http.request(self.report.method.clone(), url);
        let mut request = match &self.report.body {
            None => request.json(&body),
            Some(template) => {
                let Body { app, last_activity, reason, sessions } = &body;
                let filled = template.fill(app, last_activity, reason, *sessions);
                request.header(CONTENT_TYPE, "application/json").body(filled)
            }
        };
        if let Some(Token { name, value }) = &self.token {
            request = request.header(name, value);
        }
        match request.send().await.map(|response| response.status()) {
            Ok(status) if status.is_success() => {
                tracing::debug!(
                    app = name,
                    reason = body.reason,
                    at = body.last_activity,
                    "reported"
                );
                true
            }
            Ok(status) => {
                tracing::warn!(app = name, %status, "the control plane refused a report");
                false
            }
            Err(error) => {
                // The URL may hold a secret in its query.
                let error = error.without_url();
                tracing::warn!(app = name, error = %chain(&error), "a report failed");
                false
            }
        }
    }
}
