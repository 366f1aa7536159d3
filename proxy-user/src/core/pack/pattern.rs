//! Regular expressions in packs and configurations: linear time, small when compiled.
//!
//! They match bytes, and `\d`, `\w` and `\s` are ASCII only: what a rule does not expect is activity, and no
//! rule expects digits of another script.

use regex_automata::meta;
use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Hir, Look};
use thiserror::Error;

use super::first_bytes::FirstBytes;

/// The longest pattern in bytes. Anything longer should be two rules.
pub const MAX_PATTERN: usize = 2048;

/// The memory limit for a compiled pattern such as `((a{99}){99}){99}`, in bytes; the largest in the built-in
/// packs takes less than a tenth of it.
const MAX_PROGRAM: usize = 1 << 17;

/// The most memory that a pattern may cache between searches, in bytes per thread.
const MAX_CACHE: usize = 1 << 17;

/// Groups within groups.
const MAX_NESTING: u32 = 64;

/// Why a pattern cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PatternError {
    /// It is longer than [`MAX_PATTERN`] bytes, or too large once compiled.
    #[error("it is too large")]
    TooLarge,
    /// It is not a valid regular expression; the text says where.
    #[error("{0}")]
    Syntax(String),
}

/// A compiled regular expression. Two are equal if they are written the same.
#[derive(Clone, Debug)]
pub struct Pattern {
    text: Box<str>,
    whole: bool,
    regex: meta::Regex,
    first_bytes: FirstBytes,
}

impl Pattern {
    /// A pattern that must match the whole text.
    ///
    /// # Errors
    /// If it is not a valid regular expression (look-around and back-references are not supported) or too
    /// large.
    pub fn whole(pattern: &str) -> Result<Pattern, PatternError> {
        let inner = parse(pattern)?;
        let first_bytes = FirstBytes::of_expression(&inner).0;
        let whole = Hir::concat(vec![Hir::look(Look::Start), inner, Hir::look(Look::End)]);
        Ok(Pattern { text: pattern.into(), whole: true, regex: compile(&whole)?, first_bytes })
    }

    /// A pattern that may match anywhere in the text.
    ///
    /// # Errors
    /// As [`Pattern::whole`].
    pub fn anywhere(pattern: &str) -> Result<Pattern, PatternError> {
        let (regex, first_bytes) = (compile(&parse(pattern)?)?, FirstBytes::ANY);
        Ok(Pattern { text: pattern.into(), whole: false, regex, first_bytes })
    }

    /// Whether the text matches; linear in its length.
    #[must_use]
    pub fn fits(&self, text: &[u8]) -> bool {
        self.regex.is_match(text)
    }

    /// What the last group of the pattern matched; `None` if the text does not match.
    #[must_use]
    pub fn last_group<'a>(&self, text: &'a [u8]) -> Option<&'a [u8]> {
        let mut groups = self.regex.create_captures();
        self.regex.captures(text, &mut groups);
        text.get(groups.iter().last()??.range())
    }

    /// The possible first bytes of a non-empty matching text.
    pub(super) fn first_bytes(&self) -> FirstBytes {
        self.first_bytes
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Pattern) -> bool {
        (self.whole, &self.text) == (other.whole, &other.text)
    }
}

impl Eq for Pattern {}

fn parse(pattern: &str) -> Result<Hir, PatternError> {
    if pattern.len() > MAX_PATTERN {
        return Err(PatternError::TooLarge);
    }
    let mut parser =
        ParserBuilder::new().unicode(false).utf8(false).nest_limit(MAX_NESTING).build();
    parser.parse(pattern).map_err(|error| PatternError::Syntax(last_line(&error.to_string())))
}

fn compile(expression: &Hir) -> Result<meta::Regex, PatternError> {
    // The texts are short: literal prefilters and faster group matching would cost more at start-up than they
    // ever save.
    let settings = meta::Config::new()
        .utf8_empty(false)
        .auto_prefilter(false)
        .onepass(false)
        .nfa_size_limit(Some(MAX_PROGRAM))
        .hybrid_cache_capacity(MAX_CACHE);
    let built = meta::Builder::new().configure(settings).build_from_hir(expression);
    built.map_err(|_| PatternError::TooLarge)
}

/// The parser's message draws the pattern with a mark below it; the last line says what is wrong.
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
        let anywhere = Pattern::anywhere("a|b+").unwrap();
        assert!(anywhere.fits(b"cab") && anywhere != pattern);
        assert_eq!(anywhere, Pattern::anywhere("a|b+").unwrap());
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
