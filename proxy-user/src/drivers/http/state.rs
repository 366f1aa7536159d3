//! What a control plane's answer says about the app. Pure.

use serde_json::Value;

use crate::config::{StateCall, word as json_word};
use crate::core::lifecycle::Observed;
use crate::toml_file::quote;

/// Reads the state from an answer.
///
/// # Errors
/// Why the answer has no known state, in words.
pub(super) fn read(call: &StateCall, answer: &[u8]) -> Result<Observed, String> {
    let value: Value =
        serde_json::from_slice(answer).map_err(|error| format!("no JSON ({error})"))?;
    let pointer = &call.pointer;
    let found = value.pointer(pointer).ok_or_else(|| format!("nothing at {}", quote(pointer)))?;
    let found = json_word(found).ok_or_else(|| format!("no word at {}", quote(pointer)))?;
    let lists = [
        (&call.running, Observed::Running),
        (&call.starting, Observed::Starting),
        (&call.suspended, Observed::Suspended),
        (&call.disabled, Observed::Disabled),
    ];
    let known = lists.iter().find(|(words, _)| words.iter().any(|word| *word == *found));
    known.map(|(_, observed)| *observed).ok_or_else(|| {
        format!("{} at {}, which the configuration does not know", quote(&found), quote(pointer))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Call;

    fn call(pointer: &str) -> StateCall {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        StateCall {
            call: Call { method: http::Method::GET, url: "http://c".to_owned(), body: None },
            pointer: pointer.to_owned(),
            running: words(&["Running", "true"]),
            starting: words(&["Starting", "Pending"]),
            suspended: words(&["Stopped", "0"]),
            disabled: words(&["Blocked"]),
        }
    }

    #[test]
    fn words_are_found_at_the_pointer() {
        for (pointer, answer, observed) in [
            ("/status/currentState", r#"{"status":{"currentState":"Running"}}"#, Observed::Running),
            ("/a~1b/0", r#"{"a/b":["Pending"]}"#, Observed::Starting),
            ("/up", r#"{"up":true}"#, Observed::Running),
            ("/replicas", r#"{"replicas":0}"#, Observed::Suspended),
            ("", r#""Blocked""#, Observed::Disabled),
        ] {
            assert_eq!(read(&call(pointer), answer.as_bytes()), Ok(observed), "{answer}");
        }
    }

    #[test]
    fn anything_else_is_an_error() {
        for (answer, why) in [
            ("", "no JSON"),
            ("<html>", "no JSON"),
            (r#"{"state":"Running""#, "no JSON"),
            (r#"{"other":"Running"}"#, "nothing at"),
            (r#"{"state":["Running"]}"#, "no word"),
            (r#"{"state":"running"}"#, "does not know"),
            (r#"{"state":null}"#, "does not know"),
        ] {
            let error = read(&call("/state"), answer.as_bytes()).unwrap_err();
            assert!(error.contains(why), "{answer}: {error}");
        }
        let deep = "[".repeat(100_000);
        assert!(read(&call("/state"), deep.as_bytes()).is_err());
    }
}
