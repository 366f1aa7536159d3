//! Regular expressions that requests are matched against.

use crate::core::pack::{MAX_PATTERN, Pattern, PatternError};
use crate::toml_file::{Fixed, Kind, ValueError, quote};

/// Matches anywhere in the text.
pub(in super::super) const PATTERN: Fixed<Pattern> =
    Kind { wants: "a regular expression", example: "\"^/healthz$\"", parse: pattern };

fn pattern(text: &str) -> Result<Pattern, ValueError> {
    Pattern::anywhere(text).map_err(|error| match error {
        PatternError::TooLarge => ValueError::new(
            format!("{} is too large", quote(text)),
            format!("write at most {MAX_PATTERN} bytes, and repeat less in it"),
        ),
        PatternError::Syntax(reason) => ValueError::new(
            format!("{} is no regular expression: {reason}", quote(text)),
            "see the syntax of the regex crate; it has no look-around and no back-references",
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_found_anywhere() {
        assert!(pattern("^/healthz$").unwrap().fits(b"/healthz"));
        assert!(pattern("kube-probe").unwrap().fits(b"a kube-probe/1.30"));
        assert!(pattern("(").unwrap_err().why.contains("unclosed group"));
        assert!(pattern("(?=a)").is_err());
        assert!(pattern("((a{99}){99}){99}").unwrap_err().why.contains("too large"));
    }
}
