//! One request to a control plane.

use std::path::PathBuf;
use std::sync::OnceLock;

use http::header::CONTENT_TYPE;
use http::{HeaderName, StatusCode};
use reqwest::Response;

use super::super::DriverError;
use crate::config::{Call, HttpDriver};
use crate::control_plane::{self, Token};
use crate::error::chain;
use crate::toml_file::quote_url;

/// Sends the requests for one app.
#[derive(Debug)]
pub(super) struct ControlPlane {
    app: String,
    token_file: Option<PathBuf>,
    token_header: Option<HeaderName>,
}

impl ControlPlane {
    pub(super) fn new(app: &str, config: &HttpDriver) -> ControlPlane {
        ControlPlane {
            app: app.to_owned(),
            token_file: config.token_file.clone(),
            token_header: config.token_header.clone(),
        }
    }

    /// Sends a request, and returns the body of the answer.
    pub(super) async fn ask(&self, call: &Call) -> Result<Vec<u8>, DriverError> {
        let response = self.send(call).await?;
        let body = control_plane::body(response).await;
        body.map_err(|error| DriverError::new(format!("{}: {}", name(call), chain(&error))))
    }

    /// Sends a request. Only the status of the answer matters.
    pub(super) async fn tell(&self, call: &Call) -> Result<(), DriverError> {
        self.send(call).await.map(drop)
    }

    async fn send(&self, call: &Call) -> Result<Response, DriverError> {
        let failed = |why: String| DriverError::new(format!("{} {why}", name(call)));
        let client = shared().map_err(|why| failed(format!("cannot be asked: {why}")))?;
        let mut request = client.request(call.method.clone(), call.url_for(&self.app));
        if let Some(body) = call.body_for(&self.app) {
            request = request.header(CONTENT_TYPE, "application/json").body(body);
        }
        if let Some(file) = &self.token_file {
            // Read each time, because tokens are replaced.
            let token = Token::read(file, self.token_header.as_ref())
                .map_err(|error| failed(format!("was not asked: {}", chain(&error))))?;
            request = request.header(token.name, token.value);
        }
        let response = request.send().await.map_err(|error| {
            // The URL may hold a secret in its query.
            failed(format!("failed: {}", chain(&error.without_url())))
        })?;
        match response.status() {
            status if status.is_success() => Ok(response),
            status if status.is_redirection() => Err(failed(format!(
                "answered {status}: redirects are not followed, write the URL to which it leads"
            ))),
            status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
                Err(failed(format!("answered {status}: check `token_file` and `token_header`")))
            }
            status => Err(failed(format!("answered {status}"))),
        }
    }
}

/// How messages name a request: without what may be secret.
pub(super) fn name(call: &Call) -> String {
    format!("{} {}", call.method, quote_url(&call.url))
}

/// One client for all apps: each client loads this machine's certificates and keeps connections of its own.
fn shared() -> Result<&'static reqwest::Client, &'static str> {
    static CLIENT: OnceLock<Result<reqwest::Client, String>> = OnceLock::new();
    let made = CLIENT.get_or_init(|| control_plane::client().map_err(|error| chain(&error)));
    made.as_ref().map_err(String::as_str)
}
