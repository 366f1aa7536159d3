//! Regular expressions of pack files: linear in what they look at, small when compiled.
//!
//! They match bytes, and `\d`, `\w` and `\s` are ASCII: what a rule does not expect is activity, and
//! digits of another script are not expected.

use regex::bytes::{Regex, RegexBuilder};
use regex_syntax::ParserBuilder;
use thiserror::Error;

use super::first_bytes::FirstBytes;

/// The longest pattern in bytes: who needs more writes two rules.
pub const MAX_PATTERN: usize = 2048;

/// Bounds what a pattern such as `((a{99}){99}){99}` may take in memory, in bytes; the longest one in
/// the built-in packs takes less than a tenth.
const MAX_PROGRAM: usize = 1 << 17;

/// What one pattern remembers between texts, in bytes per thread at most.
const MAX_CACHE: usize = 1 << 17;

/// Groups within groups.
const MAX_NESTING: u32 = 64;

/// A pattern cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PatternError {
    /// It is longer than [`MAX_PATTERN`] bytes, or too large once compiled.
    #[error("it is too large")]
    TooLarge,
    /// It is not a regular expression; the text says where.
    #[error("{0}")]
    Syntax(String),
}

/// A compiled regular expression.
#[derive(Clone, Debug)]
pub struct Pattern {
    regex: Regex,
    first_bytes: FirstBytes,
}

impl Pattern {
    /// A pattern that must fit the whole text.
    ///
    /// # Errors
    /// When it is no regular expression (look-around and back-references are none) or too large.
    pub fn whole(pattern: &str) -> Result<Pattern, PatternError> {
        // Compiled by itself first: `a)(b` must not come out well between the brackets added here.
        compile(pattern)?;
        let regex = compile(&format!(r"\A(?:{pattern})\z"))?;
        Ok(Pattern { regex, first_bytes: first_bytes(pattern) })
    }

    /// A pattern that may stand anywhere in the text.
    ///
    /// # Errors
    /// As [`Pattern::whole`].
    pub fn anywhere(pattern: &str) -> Result<Pattern, PatternError> {
        Ok(Pattern { regex: compile(pattern)?, first_bytes: FirstBytes::ANY })
    }

    /// Whether the text fits; linear in its length.
    #[must_use]
    pub fn fits(&self, text: &[u8]) -> bool {
        self.regex.is_match(text)
    }

    /// What the last group of the pattern finds; `None` where it does not fit.
    #[must_use]
    pub fn last_group<'a>(&self, text: &'a [u8]) -> Option<&'a [u8]> {
        let groups = self.regex.captures(text)?;
        groups.iter().last().flatten().map(|group| group.as_bytes())
    }

    /// The bytes that a text which fits can start with, if it is not empty.
    pub(super) fn first_bytes(&self) -> FirstBytes {
        self.first_bytes
    }
}

fn first_bytes(pattern: &str) -> FirstBytes {
    let mut parser =
        ParserBuilder::new().unicode(false).utf8(false).nest_limit(MAX_NESTING).build();
    parser.parse(pattern).map_or(FirstBytes::ANY, |hir| FirstBytes::of_expression(&hir).0)
}

fn compile(pattern: &str) -> Result<Regex, PatternError> {
    if pattern.len() > MAX_PATTERN {
        return Err(PatternError::TooLarge);
    }
    let built = RegexBuilder::new(pattern)
        .unicode(false)
        .size_limit(MAX_PROGRAM)
        .dfa_size_limit(MAX_CACHE)
        .nest_limit(MAX_NESTING)
        .build();
    built.map_err(|error| match error {
        regex::Error::Syntax(said) => PatternError::Syntax(last_line(&said)),
        _ => PatternError::TooLarge,
    })
}

/// The parser draws the pattern with a mark below it, and says what is wrong in its last line.
fn last_line(said: &str) -> String {
    let line = said.lines().last().unwrap_or(said);
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_pattern_does_not_fit_a_part() {
        let pattern = Pattern::whole("a|b+").unwrap();
        assert!(pattern.fits(b"a") && pattern.fits(b"bbb"));
        assert!(!pattern.fits(b"ab") && !pattern.fits(b"bbb\n") && !pattern.fits(b""));
        assert!(Pattern::anywhere("b").unwrap().fits(b"abc"));
    }

    #[test]
    fn what_is_not_linear_or_not_small_is_refused() {
        for pattern in [r"(a)\1", "a(?=b)", "(", "a)(b", &"(".repeat(100)] {
            let error = Pattern::whole(pattern).unwrap_err();
            assert!(matches!(error, PatternError::Syntax(_)), "{pattern}: {error}");
        }
        for pattern in ["((a{99}){99}){99}", r"\d{99999}", &"a".repeat(MAX_PATTERN + 1)] {
            assert_eq!(Pattern::anywhere(pattern).unwrap_err(), PatternError::TooLarge);
        }
    }

    #[test]
    fn other_scripts_are_bytes() {
        assert!(Pattern::whole("data: 💓").unwrap().fits("data: 💓".as_bytes()));
        assert!(!Pattern::whole(r"\d").unwrap().fits("٣".as_bytes()));
        assert!(Pattern::whole("[^/]+").unwrap().fits(b"\xff\xfe"));
    }
}
