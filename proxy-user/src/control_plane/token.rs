//! The token for a control plane: read from a file, sent in a header.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue};

/// Why a token cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// Its file cannot be read.
    #[error("cannot read the token file {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// The error.
        #[source]
        error: io::Error,
    },
    /// It is not valid in a header.
    #[error("the token file {0} does not hold one line of visible ASCII")]
    Content(PathBuf),
}

/// A header with a token in it. Never shown: the value is marked as sensitive.
#[derive(Clone, Debug)]
pub struct Token {
    /// `Authorization`, or the control plane's own header.
    pub name: HeaderName,
    /// The token, after `Bearer ` in `Authorization`.
    pub value: HeaderValue,
}

impl Token {
    /// Reads a file. `header` carries the token as it is; `None` = `Authorization: Bearer …`.
    ///
    /// # Errors
    /// The file cannot be read, or its content cannot be sent.
    pub fn read(path: &Path, header: Option<&HeaderName>) -> Result<Token, TokenError> {
        let text = fs::read_to_string(path)
            .map_err(|error| TokenError::File { path: path.to_owned(), error })?;
        let text = text.trim();
        let (name, text) = match header {
            Some(name) => (name.clone(), text.to_owned()),
            None => (AUTHORIZATION, format!("Bearer {text}")),
        };
        let value = HeaderValue::from_str(&text);
        let mut value = value.map_err(|_| TokenError::Content(path.to_owned()))?;
        value.set_sensitive(true);
        Ok(Token { name, value })
    }
}
