//! Mistakes: where they are, what is wrong, and what to do.
//!
//! Each message is one line, whatever the file contains: text from the file is quoted and cut.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use thiserror::Error;

/// Why a value cannot be used, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{why}; {fix}")]
pub struct ValueError {
    /// What is wrong, with the value quoted.
    pub why: String,
    /// What to do about it.
    pub fix: String,
}

impl ValueError {
    pub(crate) fn new(why: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { why: why.into(), fix: fix.into() }
    }
}

/// One mistake or warning; displayed as `FILE:LINE: what is wrong; what to do`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The file, as named to the parser.
    pub file: Arc<Path>,
    /// Line in the file, counted from 1; `None` if the file as a whole cannot be read.
    pub line: Option<usize>,
    /// What is wrong and what to do, on one line.
    pub message: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.display();
        match self.line {
            Some(line) => write!(f, "{file}:{line}: {}", self.message),
            None => write!(f, "{file}: {}", self.message),
        }
    }
}

/// Every mistake in a file, and in files that it names; displayed one per line. Never empty.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct Mistakes(Vec<Mistake>);

impl Mistakes {
    /// From at least one mistake, in order.
    pub(super) fn new(mistakes: Vec<Mistake>) -> Mistakes {
        Mistakes(mistakes)
    }

    /// A single mistake.
    pub(crate) fn one(file: &Path, line: Option<usize>, message: String) -> Mistakes {
        Mistakes(vec![Mistake { file: file.into(), line, message }])
    }

    /// The mistakes in order of lines, file after file.
    pub fn iter(&self) -> std::slice::Iter<'_, Mistake> {
        self.0.iter()
    }
}
