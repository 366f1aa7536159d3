//! A control plane that JSON is sent to, with the token that it requires.

use std::path::Path;

use http::header::CONTENT_TYPE;
use http::{HeaderName, Method, StatusCode};

use super::{Token, TokenError, client};

/// Why nothing can be sent at all.
#[derive(Debug, thiserror::Error)]
pub enum RecipientError {
    /// There is no token to send.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// No HTTP client can be made.
    #[error("cannot set up the HTTP client")]
    Http(#[from] reqwest::Error),
}

/// Why a request was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum NotTold {
    /// The answer was not 2xx.
    #[error("it answered {0}")]
    Refused(StatusCode),
    /// There was no answer.
    #[error("it did not answer")]
    Failed(#[source] reqwest::Error),
}

/// A control plane that JSON is sent to.
#[derive(Debug)]
pub struct Recipient {
    http: reqwest::Client,
    token: Option<Token>,
}

impl Recipient {
    /// One that requires the token in this file, in this header ([`Token::read`]).
    ///
    /// # Errors
    /// The token file cannot be read or used, or TLS cannot be set up.
    pub fn new(
        token_file: Option<&Path>,
        token_header: Option<&HeaderName>,
    ) -> Result<Recipient, RecipientError> {
        let token = token_file.map(|path| Token::read(path, token_header)).transpose()?;
        Ok(Recipient { http: client()?, token })
    }

    /// Sends JSON.
    ///
    /// # Errors
    /// The answer is not 2xx, or there is none.
    pub async fn send(
        &self,
        method: Method,
        url: &str,
        body: impl Into<reqwest::Body>,
    ) -> Result<(), NotTold> {
        let request = self.http.request(method, url);
        let mut request = request.header(CONTENT_TYPE, "application/json").body(body);
        if let Some(Token { name, value }) = &self.token {
            request = request.header(name, value);
        }
        // The URL may hold a secret in its query.
        let sent = request.send().await.map_err(|error| NotTold::Failed(error.without_url()))?;
        match sent.status() {
            status if status.is_success() => Ok(()),
            status => Err(NotTold::Refused(status)),
        }
    }
}
