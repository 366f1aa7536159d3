//! One activity report over HTTP.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use http::HeaderValue;
use http::header::AUTHORIZATION;
use serde::Serialize;

use crate::clock;
use crate::config::Report;
use crate::core::gate::Activity;
use crate::error::chain;
use crate::session::App;

/// How long the control plane may take to answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Why reports cannot be sent at all.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// `report.token_file` cannot be read.
    #[error("cannot read report.token_file {path}: {error}")]
    TokenFile {
        /// The file.
        path: PathBuf,
        /// What reading it met.
        error: std::io::Error,
    },
    /// The token cannot stand in a header.
    #[error("report.token_file {0} does not hold one line of visible ASCII")]
    Token(PathBuf),
    /// No HTTP client can be made.
    #[error("cannot set up the client for reports")]
    Http(#[from] reqwest::Error),
}

/// Sends reports to one control plane.
#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
    report: Report,
    authorization: Option<HeaderValue>,
}

/// The body of a report.
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
        let authorization = report.token_file.as_ref().map(|path| {
            let token = std::fs::read_to_string(path)
                .map_err(|error| ClientError::TokenFile { path: path.clone(), error })?;
            let mut value = HeaderValue::from_str(&format!("Bearer {}", token.trim()))
                .map_err(|_| ClientError::Token(path.clone()))?;
            value.set_sensitive(true);
            Ok::<_, ClientError>(value)
        });
        let authorization = authorization.transpose()?;
        // An error says that a provider was installed before, which serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            // The environment's proxy is for the world outside, and must not see the token unasked.
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("ebbtide/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Client { http, report, authorization })
    }

    /// At most one report per app in this time.
    pub fn interval(&self) -> Duration {
        self.report.interval
    }

    /// Sends one report. True if the control plane accepted it.
    pub(super) async fn send(self: Arc<Self>, app: Arc<App>, activity: Activity) -> bool {
        let name = &*app.name;
        let body = Body {
            app: name,
            last_activity: humantime::format_rfc3339_seconds(clock::wall(activity.at)).to_string(),
            reason: activity.reason.as_str(),
            sessions: app.live.load(Relaxed),
        };
        let url = self.report.url_for(name);
        let mut request = self.http.request(self.report.method.clone(), url).json(&body);
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
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
