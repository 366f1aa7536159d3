//! Requests to HTTP control planes: what all of them have in common.
//!
//! The environment (`HTTP_PROXY`) is ignored, no redirect is followed, certificates are verified, and
//! answers are limited in time and size.

mod recipient;
mod token;

use std::time::Duration;

pub use self::recipient::{NotTold, Recipient, RecipientError};
pub use self::token::{Token, TokenError};

/// How long a control plane may take to answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The maximum size of an answer in bytes.
pub const LARGEST_ANSWER: usize = 64 * 1024;

/// A client for control planes. Requests end with an error after 10 s.
///
/// # Errors
/// TLS cannot be set up.
pub fn client() -> Result<reqwest::Client, reqwest::Error> {
    client_builder().build()
}

/// The same, for further settings.
pub(crate) fn client_builder() -> reqwest::ClientBuilder {
    // An error means that a provider was already installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .timeout(TIMEOUT)
        // Proxies from the environment are for outside traffic, and must not see the token.
        .no_proxy()
        // A redirect would send the token to wherever the answer says.
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("ebbtide/", env!("CARGO_PKG_VERSION")))
}

/// Why the body of an answer could not be read.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// It has more than this many bytes.
    #[error("the answer has more than {} KiB", .0 / 1024)]
    TooLarge(usize),
    /// It broke off.
    #[error("the answer broke off")]
    Broken(#[source] reqwest::Error),
}

/// The body of an answer, at most [`LARGEST_ANSWER`].
///
/// # Errors
/// It is too large, breaks off or takes too long.
pub async fn body(response: reqwest::Response) -> Result<Vec<u8>, BodyError> {
    body_within(response, LARGEST_ANSWER).await
}

/// The body of an answer, at most this many bytes.
pub(crate) async fn body_within(
    mut response: reqwest::Response,
    most: usize,
) -> Result<Vec<u8>, BodyError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| {
        // The URL may hold a secret in its query.
        BodyError::Broken(error.without_url())
    })? {
        if body.len() + chunk.len() > most {
            return Err(BodyError::TooLarge(most));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
