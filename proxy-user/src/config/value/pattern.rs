//! Regular expressions that requests are held against.

use regex::{Regex, RegexBuilder};

use crate::toml_file::{Fixed, Kind, ValueError, quote};

pub(in super::super) const PATTERN: Fixed<Pattern> =
    Kind { wants: "a regular expression", example: "\"^/healthz$\"", parse: pattern };

/// Bounds what a pattern may take in memory, in bytes.
const MAX_PROGRAM: usize = 1 << 17;

/// A regular expression, linear in what it looks at. Equal to another that is written the same.
#[derive(Clone, Debug)]
pub struct Pattern(Regex);

impl Pattern {
    /// Whether it is found anywhere in the text.
    #[must_use]
    pub fn is_match(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Pattern) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Eq for Pattern {}

fn pattern(text: &str) -> Result<Pattern, ValueError> {
    let regex = RegexBuilder::new(text).size_limit(MAX_PROGRAM).build();
    regex.map(Pattern).map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => {
            ValueError::new(format!("{} is too large", quote(text)), "repeat less in it")
        }
        error => {
            let error = error.to_string();
            let reason = error.lines().last().unwrap_or_default().trim_start_matches("error: ");
            ValueError::new(
                format!("{} is no regular expression: {reason}", quote(text)),
                "see the syntax of the regex crate; it has no look-around and no back-references",
            )
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_found_anywhere() {
        assert!(pattern("^/healthz$").unwrap().is_match("/healthz"));
        assert!(pattern("kube-probe").unwrap().is_match("a kube-probe/1.30"));
        assert_eq!(pattern("a").unwrap(), pattern("a").unwrap());
        assert!(pattern("(").unwrap_err().why.contains("unclosed group"));
        assert!(pattern("(?=a)").is_err());
        assert!(pattern("((a{99}){99}){99}").unwrap_err().why.contains("too large"));
    }
}
