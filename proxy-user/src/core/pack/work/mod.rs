//! Rules that tell work in progress: which messages, events, requests and answers begin and end it.
//!
//! They say what was seen; `core::work` keeps what follows from it.

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

/// The longest answer that is looked at, in bytes.
pub const LONGEST_ANSWER: usize = 256 * 1024;

/// The way to a value in JSON, from the outside in.
pub type JsonPath = Box<[Box<str>]>;

/// One kind of work.
#[derive(Clone, Debug)]
pub struct WorkRule {
    /// Its pack and its id, as people are told of it.
    pub name: Arc<str>,
    /// Who begins such work; [`By::Asker`]: a person, if one has just asked for something.
    pub by: By,
    /// Requests by which a person asks for it; what begins on a connection before the first
    /// of them is nobody's.
    pub asked_by: Option<RequestGuard>,
    /// It counts only when it has lasted for so long.
    pub after: Duration,
    /// It is over when nothing is seen of it for so long; `None` = never.
    pub lapse: Option<Duration>,
    /// What shows it.
    pub shown: Shown,
}

/// What shows work.
#[derive(Clone, Debug)]
pub enum Shown {
    /// WebSocket messages.
    Messages(MessageWork),
    /// Server-sent events on the answer to a request for a path that fits.
    Events {
        /// Found in the path; `None` = any.
        path: Option<Pattern>,
        /// What begins and ends it.
        signals: Signals,
    },
    /// A request that is not answered.
    Request {
        /// Which requests.
        guard: RequestGuard,
        /// What is asked of its body; `None` = nothing.
        body: Option<Matcher>,
    },
    /// The answer to a request.
    Answer(AnswerWork),
}

/// Work that WebSocket messages show.
#[derive(Clone, Debug)]
pub struct MessageWork {
    /// The connections.
    pub guard: Guard,
    /// What it belongs to.
    pub scope: ScopeRule,
    /// What begins and ends it.
    pub signals: Signals,
}

/// What work belongs to.
#[derive(Clone, Debug)]
pub enum ScopeRule {
    /// Its connection.
    Connection,
    /// What the last group of this finds in the connection's path.
    Path(Pattern),
    /// What stands at this place of the message, where a message that `survives` fits came before on the
    /// connection; else the connection.
    Message {
        /// The way to the scope's name.
        name: JsonPath,
        /// Says that the work goes on without the connection.
        survives: Signal,
    },
}

/// What begins and ends a work.
#[derive(Clone, Debug, Default)]
pub struct Signals {
    /// Any one begins it.
    pub begin: Vec<Signal>,
    /// Any one ends it.
    pub end: Vec<Signal>,
    /// Any one ends all work of its scope.
    pub end_all: Vec<Signal>,
    /// Any one says that this is about to happen.
    pub ending: Vec<Signal>,
}

/// A message, event or answer that says something of work.
#[derive(Clone, Debug)]
pub struct Signal {
    /// Which way it goes.
    pub direction: Direction,
    /// What is asked of it.
    pub matcher: Arc<Matcher>,
    /// Where its work's own name stands; `None` = it is the only one of its scope.
    pub key: Option<JsonPath>,
}

/// Work that answers show.
#[derive(Clone, Debug)]
pub struct AnswerWork {
    /// The requests that are answered.
    pub guard: RequestGuard,
    /// What is asked of the answer's body.
    pub what: AnswerSays,
}

/// What an answer says of work.
#[derive(Clone, Debug)]
pub enum AnswerSays {
    /// One work: any of `begin` says that it goes on, everything else that it is over.
    One {
        /// Its name, if that stands in the answer.
        begin: Vec<Signal>,
        /// Its name is what the last group of this finds in the request's query, otherwise.
        name: Pattern,
    },
    /// A list of states, each of a scope.
    States {
        /// Stands before each scope's name.
        prefix: Box<str>,
        /// The way to a scope's name in an element.
        scope: JsonPath,
        /// The way to its state.
        state: JsonPath,
        /// States that are work.
        busy: Vec<Box<str>>,
    },
}

/// The bytes of events and answers that these rules want to see.
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
