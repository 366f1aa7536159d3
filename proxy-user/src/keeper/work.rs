//! Asks an app itself whether it is at work: `busy_probe`.

use std::sync::LazyLock;

use http::HeaderMap;
use rustls::ClientConfig;

use crate::config::{BusyProbe, Upstream};
use crate::control_plane::{self, BodyError};
use crate::error::chain;
use crate::session::App;
use crate::tls::NoClientTls;

/// For requests to apps. `None` = the TLS library cannot be set up.
static CLIENT: LazyLock<Option<reqwest::Client>> = LazyLock::new(|| control_plane::client().ok());

/// Why an app could not be asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum AskError {
    #[error("the HTTP client cannot be set up")]
    NoClient,
    #[error("it cannot be verified")]
    NoTls(#[from] NoClientTls),
    #[error("it does not answer")]
    Unanswered(#[from] reqwest::Error),
    #[error("it answers {0}")]
    Status(http::StatusCode),
    #[error(transparent)]
    Body(#[from] BodyError),
    #[error("its answer is not JSON")]
    NoJson(#[from] serde_json::Error),
}

/// The app's answer to a GET.
pub(super) async fn get(
    upstream: &Upstream,
    path: &str,
    headers: HeaderMap,
) -> Result<reqwest::Response, AskError> {
    let client = match upstream.tls() {
        None => CLIENT.clone().ok_or(AskError::NoClient)?,
        Some(tls) => {
            let config = ClientConfig::clone(&*tls.config()?);
            control_plane::client_builder().tls_backend_preconfigured(config).build()?
        }
    };
    Ok(client.get(format!("{upstream}{path}")).headers(headers).send().await?)
}

/// Whether the app says that it is at work. An app that does not answer counts as at work.
pub(super) async fn is_busy(app: &App) -> bool {
    let policy = app.policy();
    let Some(probe) =
        policy.config.busy_probe.as_ref().filter(|_| policy.config.busy_limit.is_some())
    else {
        return false;
    };
    let Some(upstream) = app.upstream() else { return false };
    match ask(&upstream, probe).await {
        Ok(busy) => busy,
        Err(error) => {
            tracing::info!(
                app = app.name,
                error = %chain(&error),
                "busy_probe has no answer; the app counts as at work"
            );
            true
        }
    }
}

async fn ask(upstream: &Upstream, probe: &BusyProbe) -> Result<bool, AskError> {
    let answer = get(upstream, &probe.path, probe.headers.clone()).await?;
    if !answer.status().is_success() {
        return Err(AskError::Status(answer.status()));
    }
    let json = serde_json::from_slice(&control_plane::body(answer).await?)?;
    Ok(probe.is_busy(&json))
}
