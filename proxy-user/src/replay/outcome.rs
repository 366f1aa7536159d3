//! The result of a replay.

use std::collections::BTreeMap;

use serde::Serialize;

use super::recording::Tab;
use super::work::WorkSeen;

/// How much of one kind of traffic counted, and which rules ignored the rest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// The total.
    pub seen: u64,
    /// How much counted as activity.
    pub counted: u64,
    /// How much did not, by rule.
    pub ignored: BTreeMap<String, u64>,
}

/// The result for one recording.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// The recording.
    pub recording: String,
    /// The kind of tab.
    pub tab: &'static str,
    /// The packs that were recognised, in that order.
    pub packs: Vec<String>,
    /// The client's messages.
    pub messages: Tally,
    /// Requests and handshakes.
    pub requests: Tally,
    /// The app's messages, and its server-sent events.
    pub output: Tally,
    /// Errors and how often each occurred. For a tab that nobody uses: traffic that counted although the page
    /// was not being opened. For a tab that a person uses: traffic that was ignored although the labels say
    /// otherwise.
    pub wrong: BTreeMap<String, u64>,
    /// The client's messages, and its requests other than GET, HEAD and OPTIONS: what a person does is among
    /// them.
    pub acts: Tally,
    /// How much of the app's work was detected.
    pub work: WorkSeen,
}

impl Outcome {
    pub(super) fn new(recording: &str, tab: Tab) -> Outcome {
        Outcome {
            recording: recording.to_owned(),
            tab: tab.as_str(),
            packs: Vec::new(),
            messages: Tally::default(),
            requests: Tally::default(),
            output: Tally::default(),
            wrong: BTreeMap::new(),
            acts: Tally::default(),
            work: WorkSeen::default(),
        }
    }

    /// The number of errors.
    #[must_use]
    pub fn wrongs(&self) -> u64 {
        self.wrong.values().sum()
    }
}

impl Tally {
    pub(super) fn add(&mut self, rule: Option<String>) {
        self.seen += 1;
        match rule {
            None => self.counted += 1,
            Some(rule) => *self.ignored.entry(rule).or_default() += 1,
        }
    }
}
