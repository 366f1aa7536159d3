//! One question to the admin address of a running proxy.

use std::net::SocketAddr;
use std::time::Duration;

use super::{Answer, Told};
use crate::error::chain;
use crate::views;
use http::header::AUTHORIZATION;
use http::{HeaderValue, StatusCode};
use serde::de::DeserializeOwned;

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
        match self.get(Some(name)).await? {
            (StatusCode::OK, json) => self.read(json, Told::One),
            (_, json) => match serde_json::from_str(&json) {
                Ok(views::UnknownApp { nearest, apps, .. }) => {
                    Err(AskError::UnknownApp { name: name.to_owned(), nearest, apps })
                }
                Err(_) => Err(self.strange("it does not know /api/apps".to_owned())),
            },
        }
    }

    /// Asks about all apps; where there is only one, in full.
    ///
    /// # Errors
    /// The address cannot be reached or refuses.
    pub async fn explain_all(&self) -> Result<Answer, AskError> {
        let (_, json) = self.get(None).await?;
        let all: Answer = self.read(json, Told::All)?;
        match &all.told {
            Told::All(apps) if apps.len() == 1 => {
                let one = self.explain(&apps[0].app).await?;
                // A program gets the same form for one and for many.
                Ok(Answer { json: all.json, told: one.told })
            }
            _ => Ok(all),
        }
    }

    fn read<T: DeserializeOwned>(
        &self,
        json: String,
        told: impl FnOnce(T) -> Told,
    ) -> Result<Answer, AskError> {
        let read = serde_json::from_str(&json);
        let told = told(read.map_err(|error| self.strange(error.to_string()))?);
        Ok(Answer { json, told })
    }

    fn strange(&self, why: String) -> AskError {
        AskError::Strange { admin: self.address, why }
    }

    /// `/api/apps`, or one app of it: 200 or 404, and the body.
    async fn get(&self, name: Option<&str>) -> Result<(StatusCode, String), AskError> {
        let admin = self.address;
        let unreachable = |error: reqwest::Error| AskError::Unreachable {
            admin,
            why: chain(&error.without_url()),
        };
        let mut url = reqwest::Url::parse(&format!("http://{admin}/api/apps"))
            .map_err(|error| self.strange(error.to_string()))?;
        if let (Some(name), Ok(mut path)) = (name, url.path_segments_mut()) {
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
            StatusCode::OK => Ok((status, json)),
            StatusCode::NOT_FOUND if name.is_some() => Ok((status, json)),
            StatusCode::UNAUTHORIZED => {
                let fix = match self.token {
                    Some(_) => "the token in --token-file is not its own",
                    None => "give its token by --token-file",
                };
                Err(AskError::Token { admin, fix })
            }
            other => Err(self.strange(format!("status {other}"))),
        }
    }
}
