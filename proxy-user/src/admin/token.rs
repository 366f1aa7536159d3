//! The admin token: who may read metrics and the API.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::InvalidHeaderValue;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::Admin;

/// Why the token file is of no use.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// It cannot be read.
    #[error("cannot read admin_token_file {path}: {error}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What reading it met.
        error: std::io::Error,
    },
    /// It holds nothing.
    #[error("admin_token_file {0} is empty; write a long random word into it")]
    Empty(PathBuf),
}

/// The word that callers must know. Never shown.
pub struct Token(String);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

impl Token {
    /// Reads the token from a file; white space around it does not count.
    ///
    /// # Errors
    /// The file cannot be read or is empty.
    pub fn read(path: &Path) -> Result<Token, TokenError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| TokenError::Unreadable { path: path.to_owned(), error })?;
        match text.trim() {
            "" => Err(TokenError::Empty(path.to_owned())),
            word => Ok(Token(word.to_owned())),
        }
    }

    /// The `Authorization` field that gives this token.
    ///
    /// # Errors
    /// The token cannot stand in a header.
    pub fn field(&self) -> Result<HeaderValue, InvalidHeaderValue> {
        let mut value = HeaderValue::from_str(&format!("Bearer {}", self.0))?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// Whether an `Authorization` field gives this token. Takes the same time for every wrong word
    /// of the same length.
    fn opens(&self, field: &HeaderValue) -> bool {
        let Some((scheme, word)) = field.to_str().ok().and_then(|field| field.split_once(' '))
        else {
            return false;
        };
        let known = self.0.as_bytes();
        let word = word.trim().as_bytes();
        let differs = known.iter().zip(word).fold(0, |all, (one, other)| all | (one ^ other));
        scheme.eq_ignore_ascii_case("bearer") && known.len() == word.len() && differs == 0
    }
}

/// Lets a request through if no token is set or it brings the token.
pub(crate) async fn guard(
    State(token): State<Option<Arc<Token>>>,
    request: Request,
    next: Next,
) -> Response {
    match refuse(token.as_deref(), &request) {
        Some(refusal) => refusal,
        None => next.run(request).await,
    }
}

/// The same with the token that is configured at the moment.
pub(super) async fn guard_as_configured(
    State(admin): State<Arc<Admin>>,
    request: Request,
    next: Next,
) -> Response {
    let refusal = refuse(admin.token.load().as_deref(), &request);
    match refusal {
        Some(refusal) => refusal,
        None => next.run(request).await,
    }
}

fn refuse(token: Option<&Token>, request: &Request) -> Option<Response> {
    let field = request.headers().get(header::AUTHORIZATION);
    if token.is_none_or(|token| field.is_some_and(|field| token.opens(field))) {
        return None;
    }
    let text = "Send the token of admin_token_file as Authorization: Bearer.\n";
    let refusal = (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Bearer")], text);
    Some(refusal.into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_word_opens() {
        let token = Token("s3cret".to_owned());
        let opens = |field: &'static str| token.opens(&HeaderValue::from_static(field));
        assert!(opens("Bearer s3cret"));
        assert!(opens("bearer  s3cret"));
        for wrong in ["Bearer s3cre", "Bearer s3crets", "Bearer S3cret", "Basic s3cret", "s3cret"] {
            assert!(!opens(wrong), "{wrong}");
        }
        assert_eq!(format!("{token:?}"), "Token(…)");
    }
}
