//! One question to the admin address of a running proxy.

use std::net::SocketAddr;
use std::time::Duration;

use super::Answer;
use crate::error::chain;
use crate::views;
use http::header::AUTHORIZATION;
use http::{HeaderValue, StatusCode};

/// How long the proxy may take to answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Nobody answers there.
    #[error(
        "cannot reach the admin address {admin}: {why}; is ebbtide running? --admin or EBBTIDE_ADMIN \
         names another address"
    )]
    Unreachable {
        /// The address.
        admin: SocketAddr,
        /// What connecting met.
        why: String,
    },
    /// It wants a token, or another one.
    #[error("the admin address {admin} refuses: {fix}")]
    Token {
        /// The address.
        admin: SocketAddr,
        /// What to do about it.
        fix: &'static str,
    },
    /// No app of this name.
    #[error("no app is named {name:?}{}", suggest(nearest.as_deref(), apps))]
    UnknownApp {
        /// As it was asked for.
        name: String,
        /// What was probably meant.
        nearest: Option<String>,
        /// All there are.
        apps: Vec<String>,
    },
    /// What answers there is no Ebbtide of this version.
    #[error("{admin} answers, but not as the admin address of this version does: {why}")]
    Strange {
        /// The address.
        admin: SocketAddr,
        /// What was strange.
        why: String,
    },
}

fn suggest(nearest: Option<&str>, apps: &[String]) -> String {
    match nearest {
        Some(nearest) => format!("; did you mean {nearest:?}?"),
        None => format!("; there are: {}", apps.join(", ")),
    }
}

/// The admin address of a running proxy.
#[derive(Debug)]
pub struct Admin {
    /// Where it is.
    pub address: SocketAddr,
    /// What to send as `Authorization`.
    pub token: Option<HeaderValue>,
}

impl Admin {
    /// Asks about the app of this name.
    ///
    /// # Errors
    /// The address cannot be reached, refuses, or knows no such app.
    pub async fn explain(&self, name: &str) -> Result<Answer, AskError> {
        let admin = self.address;
        let strange = |why: String| AskError::Strange { admin, why };
        let unreachable = |error: reqwest::Error| AskError::Unreachable {
            admin,
            why: chain(&error.without_url()),
        };
        let mut url = reqwest::Url::parse(&format!("http://{admin}/api/apps"))
            .map_err(|error| strange(error.to_string()))?;
        if let Ok(mut path) = url.path_segments_mut() {
            path.push(name);
        }
        // An error says that a provider was installed before, which serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // The environment's proxy is for the world outside.
        let client = reqwest::Client::builder().timeout(TIMEOUT).no_proxy().build();
        let mut request = client.map_err(unreachable)?.get(url);
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, token);
        }
        let answer = request.send().await.map_err(unreachable)?;
        let status = answer.status();
        let json = answer.text().await.map_err(unreachable)?;
        match status {
            StatusCode::OK => match serde_json::from_str(&json) {
                Ok(detail) => Ok(Answer { json, detail }),
                Err(error) => Err(strange(error.to_string())),
            },
            StatusCode::UNAUTHORIZED => {
                let fix = match self.token {
                    Some(_) => "the token in --token-file is not its own",
                    None => "give its token by --token-file",
                };
                Err(AskError::Token { admin, fix })
            }
            StatusCode::NOT_FOUND => match serde_json::from_str(&json) {
                Ok(views::UnknownApp { nearest, apps, .. }) => {
                    Err(AskError::UnknownApp { name: name.to_owned(), nearest, apps })
                }
                Err(_) => Err(strange("it does not know /api/apps".to_owned())),
            },
            other => Err(strange(format!("status {other}"))),
        }
    }
}
