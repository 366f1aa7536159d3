//! A client for the admin address of a running proxy.

use std::net::SocketAddr;
use std::time::Duration;

use http::header::AUTHORIZATION;
use http::{HeaderValue, Method, StatusCode};
use serde::de::DeserializeOwned;

use crate::error::chain;
use crate::views::{AppDetail, AppView, Refused, UnknownApp};

/// How long the proxy may take to answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Nothing answers there.
    #[error(
        "cannot reach the admin address {admin}: {why}; is ebbtide running? --admin or EBBTIDE_ADMIN \
         names another address"
    )]
    Unreachable {
        /// The address.
        admin: SocketAddr,
        /// The error.
        why: String,
    },
    /// It requires a token, or a different one.
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
        /// The requested name.
        name: String,
        /// The most similar name.
        nearest: Option<String>,
        /// All names.
        apps: Vec<String>,
    },
    /// The action is not possible.
    #[error("{0}")]
    Refused(String),
    /// The answer is not from an Ebbtide of this version.
    #[error("{admin} answers, but not like the admin address of this version: {why}")]
    Strange {
        /// The address.
        admin: SocketAddr,
        /// What was unexpected.
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
pub struct AdminClient {
    /// Its address.
    pub address: SocketAddr,
    /// What to send as `Authorization`.
    pub token: Option<HeaderValue>,
}

/// An action on an app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Start it.
    Wake,
    /// Stop it.
    Suspend,
}

/// An answer, as text and parsed.
#[derive(Debug)]
pub(crate) struct Reply<T> {
    pub(crate) json: String,
    pub(crate) told: T,
}

impl AdminClient {
    /// All apps.
    ///
    /// # Errors
    /// The address cannot be reached or refuses.
    pub(crate) async fn apps(&self) -> Result<Reply<Vec<AppView>>, AskError> {
        let (_, json) = self.ask(Method::GET, &[]).await?;
        self.read(json)
    }

    /// The app of this name.
    ///
    /// # Errors
    /// The same, or there is no such app.
    pub(crate) async fn app(&self, name: &str) -> Result<Reply<AppDetail>, AskError> {
        self.ask_app(Method::GET, name, None).await
    }

    /// Begins an action on the app of this name, and returns the app's state at that time.
    ///
    /// # Errors
    /// The same, or the action is not possible.
    pub(crate) async fn act(&self, name: &str, action: Action) -> Result<AppView, AskError> {
        let word = match action {
            Action::Wake => "wake",
            Action::Suspend => "suspend",
        };
        self.ask_app(Method::POST, name, Some(word)).await.map(|reply| reply.told)
    }

    async fn ask_app<T: DeserializeOwned>(
        &self,
        method: Method,
        name: &str,
        action: Option<&str>,
    ) -> Result<Reply<T>, AskError> {
        let path: Vec<&str> = [name].into_iter().chain(action).collect();
        let (status, json) = self.ask(method, &path).await?;
        let known = match status {
            StatusCode::NOT_FOUND => {
                serde_json::from_str(&json).ok().map(|UnknownApp { nearest, apps, .. }| {
                    AskError::UnknownApp { name: name.to_owned(), nearest, apps }
                })
            }
            StatusCode::CONFLICT => {
                serde_json::from_str(&json).ok().map(|Refused { error }| AskError::Refused(error))
            }
            _ => return self.read(json),
        };
        Err(known.unwrap_or_else(|| {
            self.strange(format!("it does not know /api/apps/{}", path.join("/")))
        }))
    }

    fn read<T: DeserializeOwned>(&self, json: String) -> Result<Reply<T>, AskError> {
        let read = serde_json::from_str(&json);
        let told = read.map_err(|error| self.strange(error.to_string()))?;
        Ok(Reply { json, told })
    }

    fn strange(&self, why: String) -> AskError {
        AskError::Strange { admin: self.address, why }
    }

    /// Requests `/api/apps` or a path below it; returns the status and the body. 404 and 409 are possible
    /// only below it.
    async fn ask(&self, method: Method, path: &[&str]) -> Result<(StatusCode, String), AskError> {
        let admin = self.address;
        let unreachable = |error: reqwest::Error| AskError::Unreachable {
            admin,
            why: chain(&error.without_url()),
        };
        let mut url = reqwest::Url::parse(&format!("http://{admin}/api/apps"))
            .map_err(|error| self.strange(error.to_string()))?;
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.extend(path);
        }
        // An error means that a provider was already installed.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // Proxies from the environment are for outside traffic.
        let client = reqwest::Client::builder().timeout(TIMEOUT).no_proxy().build();
        let mut request = client.map_err(unreachable)?.request(method, url);
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, token);
        }
        let answer = request.send().await.map_err(unreachable)?;
        let status = answer.status();
        let json = answer.text().await.map_err(unreachable)?;
        match status {
            StatusCode::OK | StatusCode::ACCEPTED => Ok((status, json)),
            StatusCode::NOT_FOUND | StatusCode::CONFLICT if !path.is_empty() => Ok((status, json)),
            StatusCode::UNAUTHORIZED => {
                let fix = match self.token {
                    Some(_) => "the token in --token-file is wrong",
                    None => "give its token with --token-file",
                };
                Err(AskError::Token { admin, fix })
            }
            other => Err(self.strange(format!("status {other}"))),
        }
    }
}
