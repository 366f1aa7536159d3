//! The request that is sent to an app before it is suspended: `busy_probe`.
//!
//! Plain data: nothing here parses or checks.

use serde_json::Value;

use super::value::pointer::{Pointer, word};

/// A request to the app that tells whether it is at work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BusyProbe {
    /// Path and query, as the app sees it.
    pub path: String,
    /// Its header fields. Values are marked as sensitive.
    pub headers: http::HeaderMap,
    /// Where to look in the JSON of the answer; `*` matches every member of a list or object.
    pub pointer: Pointer,
    /// The app is at work if one of these is found there. Numbers and booleans are compared in their JSON
    /// form.
    pub busy: Vec<String>,
}

impl BusyProbe {
    /// Whether this answer says that the app is at work.
    #[must_use]
    pub fn is_busy(&self, answer: &Value) -> bool {
        let mut words = self.pointer.find(answer).into_iter().filter_map(word);
        words.any(|word| self.busy.iter().any(|busy| *busy == word))
    }
}
