//! Work that an app does for somebody who is not typing, as far as its traffic shows.
//!
//! Pass signs to [`Works::on`] in order and with the time. Work begins and ends under a key. It also ends
//! with its scope, or with its connection if the framework would not report its end otherwise. Work that a
//! page began by itself, when loading or by a timer, is tracked but keeps nothing awake.
//!
//! Bounded: beyond [`MAX_OPEN`] the oldest is forgotten. Nothing here knows packs or sessions.

mod sign;

use std::sync::Arc;
use std::time::Duration;

pub use self::sign::{By, Key, Scope, Sign};
use super::lifecycle::{self, SHORT_WORK};
use super::time::Nanos;

/// The most pieces of work tracked at a time.
pub const MAX_OPEN: usize = 256;
/// The most listeners that are remembered.
pub const MAX_LISTENERS: usize = 1024;
/// Work that begins this soon after other work has ended belongs to the same stretch.
const GAP: Duration = Duration::from_secs(1);
/// Work whose end has been announced ends within this time.
const ENDING: Duration = Duration::from_secs(5);
/// How many ended keys are remembered: one connection may report the beginning after another has reported the
/// end.
const ENDED: usize = 16;

/// One work in progress.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    key: Key,
    /// The rule that detected it.
    pub rule: Arc<str>,
    /// Who began it.
    pub by: By,
    /// A person asked for this work itself, not only for something that it follows from.
    direct: bool,
    /// When it starts to count.
    pub since: Nanos,
    /// When the last sign of it came.
    seen: Nanos,
    /// It is over if there has been no sign of it for this long; `None` = never.
    lapse: Option<Duration>,
}

/// A change in whether the app is at work for somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It now is.
    Began,
    /// It no longer is, and was for this long.
    Ended(Duration),
}

/// The works of one app.
#[derive(Debug, Default)]
pub struct Works {
    open: Vec<Open>,
    /// Who listens to a named scope: the scope's number and the connection.
    listeners: Vec<(u64, u64)>,
    /// Keys of ended work, which are not used again.
    ended: [Option<Key>; ENDED],
    next_ended: usize,
    /// The last work to end that a person had asked for directly: its scope, and when it ended.
    direct: Option<(Scope, Nanos)>,
    /// Since when the app has been at work for somebody.
    busy: Option<Nanos>,
    /// The last stretch of work that is over.
    stretch: Option<(Nanos, Nanos)>,
    /// When the last stretch ended whose result can still be fetched.
    left: Option<Nanos>,
}

impl Works {
    /// Processes a sign at `now`.
    pub fn on(&mut self, sign: Sign, now: Nanos) -> Option<Change> {
        self.expire(now);
        match sign {
            Sign::Began { key, rule, by, after, lapse } => {
                self.began(key, rule, by, (now, after, lapse));
            }
            Sign::Ended(key) => {
                self.end(now, |open| open.key == key);
                if let (Scope::Named(_), false) = (key.scope, key.id == 0) {
                    self.ended[self.next_ended] = Some(key);
                    self.next_ended = (self.next_ended + 1) % ENDED;
                    self.end_unnamed(key.scope, now);
                }
            }
            Sign::AllEnded(scope) => self.end(now, |open| open.key.scope == scope),
            Sign::Ending(scope) => {
                for open in self.open.iter_mut().filter(|open| open.key.scope == scope) {
                    (open.seen, open.lapse) = (now, Some(ENDING));
                }
            }
            Sign::State { scope, rule, busy } if !self.is_heard(scope) => {
                let key = Key { scope: Scope::Named(scope), id: 0 };
                match busy {
                    true => self.began(key, rule, By::Person, (now, Duration::ZERO, None)),
                    false => self.end(now, |open| open.key.scope == key.scope),
                }
            }
            // Connections know better, except about work whose beginning none of them has seen.
            Sign::State { scope, busy, .. } => {
                let unnamed = Key { scope: Scope::Named(scope), id: 0 };
                self.end(now, |open| !busy && open.key == unnamed);
            }
            Sign::Listens { scope, connection } => {
                if self.listeners.len() < MAX_LISTENERS {
                    self.listeners.push((scope, connection));
                }
            }
            Sign::Closed(connection) => {
                self.listeners.retain(|(_, listener)| *listener != connection);
                self.end(now, |open| open.key.scope == Scope::Connection(connection));
            }
            Sign::Down => self.end(now, |_| true),
        }
        self.settle(now)
    }

    /// Call now and then: ends work that has lapsed, and starts counting work that has lasted long enough.
    pub fn tick(&mut self, now: Nanos) -> Option<Change> {
        self.expire(now);
        self.settle(now)
    }

    /// Since when the app has been at work for somebody.
    #[must_use]
    pub fn busy(&self) -> Option<Nanos> {
        self.busy
    }

    /// When the last work ended whose result can still be fetched.
    #[must_use]
    pub fn left(&self) -> Option<Nanos> {
        self.left
    }

    /// Work that does not end with a connection, the oldest first: since when, and the sign that tells another
    /// process about it. That process may miss the end of some of it, so the first end that it sees in the scope,
    /// or an idle state reported in passing, ends all of it.
    pub fn lasting(&self) -> impl Iterator<Item = (Nanos, Sign)> {
        let lasting = self.open.iter().filter(|open| matches!(open.key.scope, Scope::Named(_)));
        lasting.map(|open| {
            let Open { key: Key { scope, .. }, by, lapse, .. } = *open;
            let (key, rule) = (Key { scope, id: 0 }, Arc::clone(&open.rule));
            (open.since, Sign::Began { key, rule, by, after: Duration::ZERO, lapse })
        })
    }

    /// Work in progress, the oldest first.
    pub fn open(&self) -> impl Iterator<Item = &Open> {
        self.open.iter()
    }

    /// Whether a connection listens to the named scope of this work.
    #[must_use]
    pub fn is_watched(&self, open: &Open) -> bool {
        match open.key.scope {
            Scope::Named(scope) => self.is_heard(scope),
            Scope::Connection(_) => true,
        }
    }

    /// Whether there is neither work nor a listener.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.open.is_empty() && self.listeners.is_empty()
    }

    /// What the lifecycle needs to know. Work keeps an app awake with nobody there for at most `limit`, from
    /// its beginning or from the newest `activity`.
    #[must_use]
    pub fn facts(&self, limit: Duration, activity: Option<Nanos>) -> lifecycle::Work {
        let since = self.busy.map(|since| activity.map_or(since, |activity| since.max(activity)));
        lifecycle::Work { until: since.map(|since| since + limit), ended: self.left }
    }

    fn is_heard(&self, scope: u64) -> bool {
        self.listeners.iter().any(|(heard, _)| *heard == scope)
    }

    fn began(
        &mut self,
        key: Key,
        rule: Arc<str>,
        by: By,
        (now, after, lapse): (Nanos, Duration, Option<Duration>),
    ) {
        if self.ended.contains(&Some(key)) {
            return;
        }
        let direct = by == By::Person;
        let by = if by == By::Asker && self.follows(key.scope, now) { By::Person } else { by };
        let by = if by == By::Asker { By::Page } else { by };
        if let Some(open) = self.open.iter_mut().find(|open| open.key == key) {
            open.seen = now;
            if by == By::Person {
                open.by = by;
            }
            return;
        }
        if self.open.len() >= MAX_OPEN {
            self.open.remove(0);
        }
        self.open.push(Open { key, rule, by, direct, since: now + after, seen: now, lapse });
    }

    /// Whether work that begins now in this scope follows from what a person asked for.
    fn follows(&self, scope: Scope, now: Nanos) -> bool {
        self.open.iter().any(|open| open.direct && open.key.scope == scope)
            || self.direct.is_some_and(|(of, at)| of == scope && now.since(at) <= GAP)
    }

    /// Call when named work of this scope has ended: if nothing else is left there, this ends the work that was
    /// known only from the scope's state.
    fn end_unnamed(&mut self, scope: Scope, now: Nanos) {
        if self.open.iter().all(|open| open.key.scope != scope || open.key.id == 0) {
            self.end(now, |open| open.key.scope == scope);
        }
    }

    fn end(&mut self, now: Nanos, over: impl Fn(&Open) -> bool) {
        for open in self.open.iter().filter(|open| over(open)) {
            if open.direct {
                self.direct = Some((open.key.scope, now));
            }
        }
        self.open.retain(|open| !over(open));
    }

    fn expire(&mut self, now: Nanos) {
        self.open.retain(|open| open.lapse.is_none_or(|lapse| now.since(open.seen) <= lapse));
    }

    /// Updates whether any work that counts is in progress; returns what has changed.
    fn settle(&mut self, now: Nanos) -> Option<Change> {
        let counts = |open: &&Open| open.by == By::Person && open.since <= now;
        let first = self.open.iter().filter(counts).map(|open| open.since).min();
        match (first, self.busy) {
            (Some(since), None) => {
                let goes_on = self.stretch.filter(|(_, end)| since.since(*end) <= GAP);
                self.busy = Some(goes_on.map_or(since, |(begin, _)| begin));
                Some(Change::Began)
            }
            (None, Some(since)) => {
                self.busy = None;
                self.stretch = Some((since, now));
                if now.since(since) >= SHORT_WORK {
                    self.left = Some(now);
                }
                Some(Change::Ended(now.since(since)))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
