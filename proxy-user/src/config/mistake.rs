//! Mistakes: where they are, what is wrong, what to do, and the log that gathers them.
//!
//! Messages are one line each whatever the file holds: text from it is quoted and cut. This module
//! must not know any key.

use std::borrow::Cow;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use thiserror::Error;

use super::Parsed;
use super::model::Config;

/// A value that cannot be used: why, and what to write instead.
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
    /// The configuration file, as it was named to the parser.
    pub file: Arc<Path>,
    /// Line in the file, counted from 1; `None` when the file as a whole cannot be read.
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

/// Every mistake of a file, sorted by line; displayed one a line. Never empty.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct Mistakes(Vec<Mistake>);

impl Mistakes {
    /// The mistakes in the order of their lines.
    pub fn iter(&self) -> std::slice::Iter<'_, Mistake> {
        self.0.iter()
    }
}

/// Gathers mistakes and warnings while a file is read.
pub(crate) struct Log {
    file: Arc<Path>,
    /// Offset of every line feed, to find lines by offset without counting from the start.
    line_feeds: Vec<usize>,
    mistakes: Vec<Mistake>,
    warnings: Vec<Mistake>,
}

impl Log {
    pub(crate) fn new(text: &str, file: &Path) -> Self {
        let line_feeds = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        Self {
            file: file.into(),
            line_feeds: line_feeds.map(|(offset, _)| offset).collect(),
            mistakes: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// The line, counted from 1, of a byte offset.
    pub(crate) fn line(&self, offset: usize) -> usize {
        self.line_feeds.partition_point(|feed| *feed < offset) + 1
    }

    pub(crate) fn mistake(&mut self, line: usize, message: String) {
        self.mistakes.push(Mistake { file: self.file.clone(), line: Some(line), message });
    }

    pub(crate) fn warning(&mut self, line: usize, message: String) {
        self.warnings.push(Mistake { file: self.file.clone(), line: Some(line), message });
    }

    /// Records what the TOML parser says, once a line: the rest of a broken line only echoes it.
    pub(crate) fn syntax(&mut self, error: &toml::de::Error) {
        let line = self.line(error.span().map_or(0, |span| span.start));
        if self.mistakes.iter().any(|mistake| mistake.line == Some(line)) {
            return;
        }
        let said = error.message();
        let fix = if said.contains("duplicate") {
            "write each key and each [table] once"
        } else {
            "write `key = value` with text in double quotes, such as grace = \"30s\""
        };
        self.mistake(
            line,
            format!("not TOML: {}; {fix}", said.lines().collect::<Vec<_>>().join(" ")),
        );
    }

    /// Whether nothing is wrong so far.
    pub(crate) fn is_clean(&self) -> bool {
        self.mistakes.is_empty()
    }

    pub(crate) fn into_mistakes(mut self) -> Mistakes {
        self.mistakes.sort_by_key(|mistake| mistake.line);
        Mistakes(self.mistakes)
    }

    pub(crate) fn finish(mut self, config: Config) -> Result<Parsed, Mistakes> {
        if !self.mistakes.is_empty() {
            return Err(self.into_mistakes());
        }
        self.warnings.sort_by_key(|warning| warning.line);
        Ok(Parsed { config, warnings: self.warnings })
    }
}

pub(crate) fn unreadable(file: &Path, error: &std::io::Error) -> Mistakes {
    let message = format!("cannot be read: {error}; check the path and its permissions");
    Mistakes(vec![Mistake { file: file.into(), line: None, message }])
}

/// `valid`: the bytes before the first that is not UTF-8.
pub(crate) fn not_text(file: &Path, valid: &[u8]) -> Mistakes {
    let line = valid.iter().filter(|byte| **byte == b'\n').count() + 1;
    let message = "not UTF-8; save the file in that encoding".to_owned();
    Mistakes(vec![Mistake { file: file.into(), line: Some(line), message }])
}

/// Text from a file for use in a message: quoted, escaped, cut, and without the secrets of a URL.
pub(crate) fn quote(text: &str) -> String {
    if text.contains("://") { quote_url(text) } else { quoted(&hide_user(text)) }
}

/// The same where a URL is meant, even if it does not look like one. Tokens may stand in its query.
pub(crate) fn quote_url(text: &str) -> String {
    let text = hide_user(text);
    match text.find(['?', '#']) {
        Some(end) => quoted(&format!("{}…", &text[..=end])),
        None => quoted(&text),
    }
}

/// Hides what may be a user name and a password: they stand between the scheme and the last `@`.
fn hide_user(text: &str) -> Cow<'_, str> {
    let Some(at) = text.rfind('@') else { return text.into() };
    let start = text.find("://").map_or(0, |scheme| scheme + "://".len());
    let hides = start > 0 || text[..at].contains(':');
    match text.get(start..at) {
        Some(_) if hides => format!("{}…{}", &text[..start], &text[at..]).into(),
        _ => text.into(),
    }
}

fn quoted(text: &str) -> String {
    const LONGEST: usize = 60;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("\"{}…\"", text[..end].escape_debug()),
        None => format!("\"{}\"", text.escape_debug()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_of_urls_are_not_quoted() {
        for (text, quoted) in [
            ("http://h:80/x", "\"http://h:80/x\""),
            ("http://user:s3cret@h/x", "\"http://…@h/x\""),
            ("http://s3cret@h", "\"http://…@h\""),
            ("http://user:s3/cret?#@h", "\"http://…@h\""),
            ("http://user:s3cret@x@h", "\"http://…@h\""),
            ("user:s3cret@h:80", "\"…@h:80\""),
            ("http:/user:s3cret@h", "\"…@h\""),
            ("me@h", "\"me@h\""),
            ("a@b://c", "\"a@b://c\""),
        ] {
            assert_eq!(quote(text), quoted, "{text}");
            assert_eq!(quote_url(text), quoted, "{text}");
        }
        assert_eq!(quote("a?b"), "\"a?b\"", "a pattern");
        for (text, quoted) in [
            ("http://h/x?token=s3cret", "\"http://h/x?…\""),
            ("http://user:s3cret@h?token=s3cret#s", "\"http://…@h?…\""),
            ("http://h/x#s3cret", "\"http://h/x#…\""),
            ("h/x?token=s3cret@y", "\"h/x?…\""),
        ] {
            assert_eq!(quote_url(text), quoted, "{text}");
        }
    }
}
