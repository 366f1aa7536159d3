//! The admin token: who may read metrics and the API.

use std::path::{Path, PathBuf};

use axum::http::HeaderValue;
use axum::http::header::InvalidHeaderValue;
use subtle::ConstantTimeEq;

/// Why the token file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// It cannot be read.
    #[error("cannot read admin_token_file {path}: {error}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The error.
        error: std::io::Error,
    },
    /// It is empty.
    #[error("admin_token_file {0} is empty; write a long random word into it")]
    Empty(PathBuf),
}

/// The secret that callers must send. Never shown.
pub struct Token(String);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

impl Token {
    /// Reads the token from a file; surrounding white space is ignored.
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
    /// The token is not valid in a header.
    pub fn field(&self) -> Result<HeaderValue, InvalidHeaderValue> {
        let mut value = HeaderValue::from_str(&format!("Bearer {}", self.0))?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// Whether an `Authorization` field gives this token, as `Bearer` or, as JupyterHub does, as `token`.
    /// Takes the same time for every wrong word of the same length.
    pub(super) fn is_in(&self, field: &HeaderValue) -> bool {
        let field = field.as_bytes();
        let Some(end) = field.iter().position(|byte| *byte == b' ') else { return false };
        let (scheme, word) = field.split_at(end);
        let known_scheme =
            ["bearer", "token"].iter().any(|known| scheme.eq_ignore_ascii_case(known.as_bytes()));
        known_scheme && bool::from(self.0.as_bytes().ct_eq(word.trim_ascii()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_word_opens() {
        let token = Token("s3cret".to_owned());
        let opens = |field: &'static str| token.is_in(&HeaderValue::from_static(field));
        assert!(opens("Bearer s3cret"));
        assert!(opens("bearer  s3cret"));
        assert!(opens("token s3cret"));
        for wrong in ["Bearer s3cre", "Bearer s3crets", "Bearer S3cret", "Basic s3cret", "s3cret"] {
            assert!(!opens(wrong), "{wrong}");
        }
        assert_eq!(format!("{token:?}"), "Token(…)");
    }
}
