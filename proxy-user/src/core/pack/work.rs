//! Rules that tell work in progress: which messages, events, requests and answers begin and end it.
//!
//! They say what was seen; `core::work` keeps what follows from it.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::book::{Entry, RuleBook};
use super::condition::{Candidate, MatchResult, Part, Records, jupyter_part};
use super::judgement::{Opening, RequestHead};
use super::matcher::Matcher;
use super::pattern::Pattern;
use super::rule::{Guard, RequestGuard};
use crate::core::payload::{Masked, Payload};
use crate::core::side::Direction;
use crate::core::work::{By, Key, Scope, Sign};

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

/// A rule for the messages of one connection.
#[derive(Clone, Debug)]
pub struct ConnectionWork {
    rule: Arc<WorkRule>,
    /// Of what the path names.
    named: Option<u64>,
}

impl ConnectionWork {
    /// Whether it asks who began a work.
    pub(super) fn by_asker(&self) -> bool {
        self.rule.by == By::Asker
    }
}

impl WorkRule {
    fn began(&self, key: Key, by: By) -> Sign {
        let WorkRule { name, after, lapse, .. } = self;
        Sign::Began { key, rule: Arc::clone(name), by, after: *after, lapse: *lapse }
    }

    /// A request that it is for was passed on. `request`: its number.
    #[must_use]
    pub fn asked(&self, request: u64) -> Sign {
        self.began(Key { scope: Scope::Connection(request), id: 0 }, By::Person)
    }

    /// Of a request, the bytes of its body that must be seen; `None` = it is for no requests.
    #[must_use]
    pub fn body_needs(&self) -> Option<usize> {
        match &self.shown {
            Shown::Request { body, .. } => Some(body.as_ref().map_or(0, Matcher::needs)),
            _ => None,
        }
    }

    /// Whether a body, seen to its end, is as it asks.
    #[must_use]
    pub fn fits_body(&self, bytes: &[u8]) -> bool {
        let Shown::Request { body, .. } = &self.shown else { return false };
        body.as_ref().is_none_or(|matcher| fits(matcher, bytes))
    }

    /// What a server-sent event on a stream says; `stream`: its number.
    pub fn event(&self, stream: u64, data: &[u8], mut tell: impl FnMut(Sign)) {
        let Shown::Events { signals, .. } = &self.shown else { return };
        let scope = Scope::Connection(stream);
        let key = |signal: &Signal| Some(Key { scope, id: signal.id(data, true)? });
        let any = |signals: &[Signal], tell: &mut dyn FnMut(Key)| {
            let found = signals.iter().find(|signal| fits(&signal.matcher, data));
            found.and_then(key).into_iter().for_each(tell);
        };
        any(&signals.begin, &mut |key| tell(self.began(key, self.by)));
        any(&signals.end, &mut |key| tell(Sign::Ended(key)));
        any(&signals.end_all, &mut |key| tell(Sign::AllEnded(key.scope)));
    }

    /// What an answer says; `query`: that of its request. `body`: all of it, or `None` if it is longer than
    /// [`LONGEST_ANSWER`].
    pub fn answer(&self, query: &str, body: Option<&[u8]>, mut tell: impl FnMut(Sign)) {
        let Shown::Answer(AnswerWork { what, .. }) = &self.shown else { return };
        match what {
            AnswerSays::One { begin, name } => {
                let asked = name.last_group(query.as_bytes());
                let asked = asked.map(|name| hash(&*String::from_utf8_lossy(name)));
                let begun = body.and_then(|body| {
                    let signal = begin.iter().find(|signal| fits(&signal.matcher, body))?;
                    signal.key.as_ref().map_or(asked, |path| lookup(body, path))
                });
                let key = |id| Key { scope: Scope::Named(hash(&*self.name)), id };
                match (begun, asked) {
                    (Some(id), _) => tell(self.began(key(id), self.by)),
                    (None, Some(id)) => tell(Sign::Ended(key(id))),
                    (None, None) => {}
                }
            }
            AnswerSays::States { prefix, scope, state, busy } => {
                let list = body.and_then(|body| serde_json::from_slice::<Vec<Value>>(body).ok());
                for one in list.unwrap_or_default() {
                    let (Some(scope), Some(state)) = (at(&one, scope), at(&one, state)) else {
                        continue;
                    };
                    let busy = busy.iter().any(|word| **word == *state);
                    let (scope, rule) = (named(&format!("{prefix}{scope}")), self.name.clone());
                    tell(Sign::State { scope, rule, busy });
                }
            }
        }
    }
}

impl Signal {
    /// The work's own number, if the message names it as it should.
    fn id(&self, bytes: &[u8], text: bool) -> Option<u64> {
        let Some(path) = &self.key else { return Some(0) };
        if text || self.matcher.records() != Some(Records::JupyterMessage) {
            return lookup(bytes, path);
        }
        let (part, rest) = path.split_first()?;
        match jupyter_part(&Masked::new(bytes, None), part) {
            Part::Is(part) => lookup(part.bare()?, rest),
            _ => None,
        }
    }
}

impl RuleBook {
    /// The rules for work that messages of a connection show, of these packs.
    pub(super) fn connection_work(&self, opening: &Opening<'_>, packs: u64) -> Vec<ConnectionWork> {
        let known = self.packs.iter().filter(|entry| entry.bit & packs != 0);
        let rules = known.flat_map(|entry| &entry.pack.works);
        let work = |rule: &Arc<WorkRule>| {
            let Shown::Messages(MessageWork { guard, scope, .. }) = &rule.shown else {
                return None;
            };
            let path = match scope {
                ScopeRule::Path(pattern) => Some(pattern.last_group(opening.path.as_bytes())?),
                _ => None,
            };
            let named = path.map(|name| named(&String::from_utf8_lossy(name)));
            guard.fits(opening).then(|| ConnectionWork { rule: Arc::clone(rule), named })
        };
        rules.filter_map(work).collect()
    }

    /// Whether a person asks for work by this request, which counts.
    #[must_use]
    pub fn asks_for_work(&self, head: &RequestHead<'_>, recognised: u64) -> bool {
        let asks = |rule: &Arc<WorkRule>| rule.asked_by.as_ref().is_some_and(|by| by.fits(head));
        self.works(recognised).any(asks)
    }

    /// The rules for work that a request shows by not being answered.
    pub fn request_work<'a>(
        &'a self,
        head: &'a RequestHead<'_>,
        recognised: u64,
    ) -> impl Iterator<Item = &'a Arc<WorkRule>> {
        self.works(recognised).filter(move |rule| match &rule.shown {
            Shown::Request { guard, .. } => guard.fits(head),
            _ => false,
        })
    }

    /// The rules for work that the answer to a request shows.
    pub fn answer_work<'a>(
        &'a self,
        head: &'a RequestHead<'_>,
        recognised: u64,
    ) -> impl Iterator<Item = &'a Arc<WorkRule>> {
        self.works(recognised).filter(move |rule| match &rule.shown {
            Shown::Answer(work) => work.guard.fits(head),
            _ => false,
        })
    }

    /// The rules for work that server-sent events show on the answer to a request for this path.
    pub fn event_work<'a>(
        &'a self,
        path: &'a str,
        recognised: u64,
    ) -> impl Iterator<Item = &'a Arc<WorkRule>> {
        self.works(recognised).filter(move |rule| match &rule.shown {
            Shown::Events { path: pattern, .. } => {
                pattern.as_ref().is_none_or(|pattern| pattern.fits(path.as_bytes()))
            }
            _ => false,
        })
    }

    fn works(&self, recognised: u64) -> impl Iterator<Item = &Arc<WorkRule>> {
        self.applicable(recognised).flat_map(Entry::works)
    }
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

/// Follows the work that the messages of one connection show.
#[derive(Debug)]
pub(super) struct WorkWatch {
    connection: u64,
    rules: Box<[WatchedWork]>,
    /// A person has asked for something since work last began.
    pub(super) asked: bool,
    signs: Vec<Sign>,
}

#[derive(Debug)]
struct WatchedWork {
    work: ConnectionWork,
    survives: bool,
}

impl WorkWatch {
    pub(super) fn new(works: &[ConnectionWork]) -> WorkWatch {
        let rules = works.iter().map(|work| WatchedWork { work: work.clone(), survives: false });
        WorkWatch { connection: 0, rules: rules.collect(), asked: false, signs: Vec::new() }
    }

    /// The number of its connection, which begins now.
    pub(super) fn open(&mut self, connection: u64) {
        self.connection = connection;
        let mut scopes: Vec<u64> = self.rules.iter().filter_map(|rule| rule.work.named).collect();
        scopes.sort_unstable();
        scopes.dedup();
        self.signs.extend(scopes.into_iter().map(|scope| Sign::Listens { scope, connection }));
    }

    pub(super) fn longest(&self, direction: Direction) -> usize {
        let needs = |watched: &WatchedWork| {
            let Shown::Messages(work) = &watched.work.rule.shown else { return 0 };
            let survives = match &work.scope {
                ScopeRule::Message { survives, .. } if survives.direction == direction => {
                    survives.matcher.needs()
                }
                _ => 0,
            };
            work.signals.needs(direction).max(survives)
        };
        self.rules.iter().map(needs).max().unwrap_or(0)
    }

    /// What was seen since this was last asked.
    pub(super) fn signs(&mut self) -> impl Iterator<Item = Sign> {
        self.signs.drain(..)
    }

    pub(super) fn has_signs(&self) -> bool {
        !self.signs.is_empty()
    }

    /// Looks at a message; false = more of it must be seen, and nothing was noted.
    /// `posted`: somebody has asked for work by a request since the connection was opened.
    pub(super) fn look(
        &mut self,
        direction: Direction,
        candidate: &Candidate<'_>,
        posted: bool,
    ) -> bool {
        let mut needs_more = false;
        let before = self.signs.len();
        let WorkWatch { connection, rules, asked, signs } = self;
        let mut takes = false;
        for WatchedWork { work: ConnectionWork { rule, named }, survives } in &mut **rules {
            let Shown::Messages(MessageWork { scope, signals, .. }) = &rule.shown else { continue };
            let mut finds = |signal: &Signal| {
                signal.direction == direction && {
                    let result = signal.matcher.test(candidate);
                    let seen = candidate.payload.seen().len();
                    needs_more |= result == MatchResult::NeedMore && seen < signal.matcher.needs();
                    result == MatchResult::Yes
                }
            };
            if let ScopeRule::Message { survives: says, .. } = scope {
                *survives |= finds(says);
            }
            let plain = || candidate.payload.plain();
            let scope = || match (scope, *named) {
                // Before it was named there was only one.
                (ScopeRule::Message { name, .. }, _) if *survives => {
                    Scope::Named(lookup(plain(), name).unwrap_or_else(|| hash(&*rule.name)))
                }
                (_, Some(named)) => Scope::Named(named),
                _ => Scope::Connection(*connection),
            };
            let key = |signal: &Signal| {
                Some(Key { scope: scope(), id: signal.id(plain(), candidate.text)? })
            };
            if let Some(key) = signals.begin.iter().find(|signal| finds(signal)).and_then(key) {
                let by = match rule.by {
                    By::Asker if *asked || posted && rule.asked_by.is_some() => By::Person,
                    by => by,
                };
                takes |= rule.by == By::Asker;
                signs.push(rule.began(key, by));
            }
            if let Some(key) = signals.end.iter().find(|signal| finds(signal)).and_then(key) {
                signs.push(Sign::Ended(key));
            }
            if signals.end_all.iter().any(&mut finds) {
                signs.push(Sign::AllEnded(scope()));
            }
            if signals.ending.iter().any(&mut finds) {
                signs.push(Sign::Ending(scope()));
            }
        }
        if needs_more {
            self.signs.truncate(before);
            return false;
        }
        self.asked &= !takes;
        true
    }
}

/// Bodies and events have no opcode: they are both kinds.
fn fits(matcher: &Matcher, bytes: &[u8]) -> bool {
    let payload = &Payload::whole(bytes);
    [true, false].iter().any(|&text| matcher.test(&Candidate { payload, text }) == MatchResult::Yes)
}

/// The number of what stands at this place of a JSON text.
fn lookup(text: &[u8], path: &[Box<str>]) -> Option<u64> {
    let value: Value = serde_json::from_slice(text).ok()?;
    at(&value, path).map(|found| hash(&*found))
}

fn at(value: &Value, path: &[Box<str>]) -> Option<String> {
    let mut value = value;
    for key in path {
        value = value.get(&**key)?;
    }
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn named(name: &str) -> u64 {
    hash(name)
}

fn hash<T: Hash + ?Sized>(what: &T) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}
