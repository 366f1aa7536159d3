//! Rules for work in progress: which messages, events, requests and answers begin and end it.
//!
//! They report signs; `core::work` draws the conclusions.

mod applicable;
mod signs;
mod watch;

use std::sync::Arc;
use std::time::Duration;

pub use self::applicable::ConnectionWork;
pub(super) use self::watch::WorkWatch;
use super::matcher::Matcher;
use super::pattern::Pattern;
use super::rule::{Guard, RequestGuard};
use crate::core::side::Direction;
use crate::core::work::By;

/// The longest answer that is inspected, in bytes.
pub const LONGEST_ANSWER: usize = 256 * 1024;

/// The path to a value in JSON, from the outside in.
pub type JsonPath = Box<[Box<str>]>;

/// One kind of work.
#[derive(Clone, Debug)]
pub struct WorkRule {
    /// Its pack and its id, as shown to people.
    pub name: Arc<str>,
    /// Who begins such work; [`By::Asker`]: a person, if one has just asked for something.
    pub by: By,
    /// Requests by which a person asks for it. Work that begins on a connection before the first of them is
    /// nobody's.
    pub asked_by: Option<RequestGuard>,
    /// It counts only after it has lasted this long.
    pub after: Duration,
    /// It is over if there has been no sign of it for this long; `None` = never.
    pub lapse: Option<Duration>,
    /// How it shows.
    pub shown: Shown,
}

/// How work shows.
#[derive(Clone, Debug)]
pub enum Shown {
    /// WebSocket messages.
    Messages(MessageWork),
    /// Server-sent events in the answer to a request for a matching path.
    Events {
        /// Must match somewhere in the path; `None` = any.
        path: Option<Pattern>,
        /// What begins and ends it.
        signals: Signals,
    },
    /// A request that has not been answered.
    Request {
        /// Which requests.
        guard: RequestGuard,
        /// The conditions on its body; `None` = none.
        body: Option<Matcher>,
    },
    /// The answer to a request.
    Answer(AnswerWork),
}

/// Work shown by WebSocket messages.
#[derive(Clone, Debug)]
pub struct MessageWork {
    /// The connections that it comes on.
    pub guard: Guard,
    /// The scope that it belongs to.
    pub scope: ScopeRule,
    /// What begins and ends it.
    pub signals: Signals,
}

/// The scope that work belongs to.
#[derive(Clone, Debug)]
pub enum ScopeRule {
    /// Its connection.
    Connection,
    /// The text of the last group of this pattern in the connection's path.
    Path(Pattern),
    /// The value at this path of the message, if an earlier message on the connection matched `survives`;
    /// otherwise the connection.
    Message {
        /// The path to the scope's name.
        name: JsonPath,
        /// Means that the work continues without the connection.
        survives: Signal,
    },
}

/// What begins and ends work.
#[derive(Clone, Debug, Default)]
pub struct Signals {
    /// Any of these begins it.
    pub begin: Vec<Signal>,
    /// Any of these ends it.
    pub end: Vec<Signal>,
    /// Any of these ends all work of its scope.
    pub end_all: Vec<Signal>,
    /// Any of these announces that all work of its scope is about to end.
    pub ending: Vec<Signal>,
}

/// A message, event or answer that is a sign of work.
#[derive(Clone, Debug)]
pub struct Signal {
    /// The direction of the message.
    pub direction: Direction,
    /// The conditions on it.
    pub matcher: Arc<Matcher>,
    /// The path to the name of the work; `None` = it is the only one of its scope.
    pub key: Option<JsonPath>,
}

/// Work shown by answers.
#[derive(Clone, Debug)]
pub struct AnswerWork {
    /// The requests that are answered.
    pub guard: RequestGuard,
    /// The meaning of the answer's body.
    pub what: AnswerSays,
}

/// What an answer says about work.
#[derive(Clone, Debug)]
pub enum AnswerSays {
    /// One piece of work: any of `begin` means that it is in progress, anything else that it is over.
    One {
        /// Signs that it is in progress. Its name may be in the answer.
        begin: Vec<Signal>,
        /// Otherwise its name is the text of the last group of this pattern in the request's query.
        name: Pattern,
    },
    /// A list of states, one for each scope.
    States {
        /// Prepended to each scope's name.
        prefix: Box<str>,
        /// The path to a scope's name in an element.
        scope: JsonPath,
        /// The path to its state.
        state: JsonPath,
        /// The states that mean work.
        busy: Vec<Box<str>>,
    },
}

/// How many bytes of events and answers these rules need.
pub fn needs<'a>(rules: impl Iterator<Item = &'a Arc<WorkRule>>) -> usize {
    let needs = |rule: &Arc<WorkRule>| match &rule.shown {
        Shown::Events { signals, .. } => signals.needs(Direction::Output),
        _ => 0,
    };
    rules.map(needs).max().unwrap_or(0)
}

impl Signals {
    fn each(&self) -> impl Iterator<Item = &Signal> {
        self.begin.iter().chain(&self.end).chain(&self.end_all).chain(&self.ending)
    }

    fn needs(&self, direction: Direction) -> usize {
        let these = self.each().filter(|signal| signal.direction == direction);
        these.map(|signal| signal.matcher.needs()).max().unwrap_or(0)
    }
}
