//! Signs of work in a request, an event or an answer, and the name of that work.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use serde_json::Value;

use super::{AnswerSays, AnswerWork, Shown, Signal, WorkRule};
use crate::core::pack::condition::{Candidate, MatchResult, Part, Records, jupyter_part};
use crate::core::pack::matcher::Matcher;
use crate::core::payload::{Masked, Payload};
use crate::core::work::{By, Key, Scope, Sign};

impl WorkRule {
    pub(super) fn began(&self, key: Key, by: By) -> Sign {
        let WorkRule { name, after, lapse, .. } = self;
        Sign::Began { key, rule: Arc::clone(name), by, after: *after, lapse: *lapse }
    }

    /// A matching request was passed on. `request`: its number.
    #[must_use]
    pub fn asked(&self, request: u64) -> Sign {
        self.began(Key { scope: Scope::Connection(request), id: 0 }, By::Person)
    }

    /// How many bytes of a request's body are needed; `None` = the rule is not about requests.
    #[must_use]
    pub fn body_needs(&self) -> Option<usize> {
        match &self.shown {
            Shown::Request { body, .. } => Some(body.as_ref().map_or(0, Matcher::needs)),
            _ => None,
        }
    }

    /// Whether a complete body meets the conditions.
    #[must_use]
    pub fn fits_body(&self, bytes: &[u8]) -> bool {
        let Shown::Request { body, .. } = &self.shown else { return false };
        body.as_ref().is_none_or(|matcher| fits(matcher, bytes))
    }

    /// The signs in a server-sent event; `stream`: the number of its stream.
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

    /// The signs in an answer; `query`: that of its request. `body`: all of it, or `None` if it is longer
    /// than [`LONGEST_ANSWER`].
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
    /// The number of the work, if the message names it as it should.
    pub(super) fn id(&self, bytes: &[u8], text: bool) -> Option<u64> {
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

/// Bodies and events have no opcode: they match both kinds.
fn fits(matcher: &Matcher, bytes: &[u8]) -> bool {
    let payload = &Payload::whole(bytes);
    [true, false].iter().any(|&text| matcher.test(&Candidate { payload, text }) == MatchResult::Yes)
}

/// The number of the value at this path of a JSON text.
pub(super) fn lookup(text: &[u8], path: &[Box<str>]) -> Option<u64> {
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

pub(super) fn named(name: &str) -> u64 {
    hash(name)
}

pub(super) fn hash<T: Hash + ?Sized>(what: &T) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}
