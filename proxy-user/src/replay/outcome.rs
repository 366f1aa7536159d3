//! What a replay came to.

use std::collections::BTreeMap;

use serde::Serialize;

use super::recording::Tab;
use super::work::WorkSeen;

/// How much of one kind of traffic counted, and by which rules the rest was ignored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// All of it.
    pub seen: u64,
    /// What counted as activity.
    pub counted: u64,
    /// What did not, by rule.
    pub ignored: BTreeMap<String, u64>,
}

/// What a recording came to.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// The recording.
    pub recording: String,
    /// What happened in it.
    pub tab: &'static str,
    /// The packs that its framework was recognised by, in that order.
    pub packs: Vec<String>,
    /// The client's messages.
    pub messages: Tally,
    /// Requests and handshakes.
    pub requests: Tally,
    /// The app's messages, and its server-sent events.
    pub output: Tally,
    /// What is wrong: for a tab that nobody uses, what counted although its page was not just being
    /// opened; for one that a person uses, what the labels beside the recording say was ignored
    /// wrongly. By what it is, with how often.
    pub wrong: BTreeMap<String, u64>,
    /// The client's messages, and its requests other than GET, HEAD and OPTIONS: what a person does is
    /// among them.
    pub acts: Tally,
    /// How much of the app's work was seen.
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

    /// How much is wrong.
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
