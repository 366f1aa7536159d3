//! Watches the messages of one connection for signs of work.

use super::signs::{hash, lookup};
use super::{ConnectionWork, MessageWork, ScopeRule, Shown, Signal};
use crate::core::pack::condition::{Candidate, MatchResult};
use crate::core::pack::matcher::Prefilter;
use crate::core::side::{Direction, PerSide, Side};
use crate::core::work::{By, Key, Scope, Sign};

/// Watches the messages of one connection for signs of work.
#[derive(Debug)]
pub(in crate::core::pack) struct WorkWatch {
    connection: u64,
    rules: Box<[WatchedWork]>,
    /// By the side that messages come from. Few of them are signs of work.
    prefilters: PerSide<Prefilter>,
    /// A person has asked for something since work last began.
    pub(in crate::core::pack) asked: bool,
    signs: Vec<Sign>,
}

#[derive(Debug)]
struct WatchedWork {
    work: ConnectionWork,
    survives: bool,
}

impl WorkWatch {
    pub(in crate::core::pack) fn new(works: &[ConnectionWork]) -> WorkWatch {
        let rules = works.iter().map(|work| WatchedWork { work: work.clone(), survives: false });
        let prefilter = |side| {
            let signals = works.iter().flat_map(ConnectionWork::signals);
            let signals = signals.filter(|signal| signal.direction.source() == side);
            signals.map(|signal| signal.matcher.prefilter()).fold(Prefilter::NONE, Prefilter::or)
        };
        WorkWatch {
            connection: 0,
            rules: rules.collect(),
            prefilters: PerSide { client: prefilter(Side::Client), app: prefilter(Side::App) },
            asked: false,
            signs: Vec::new(),
        }
    }

    /// Sets the number of the connection, which has just been opened.
    pub(in crate::core::pack) fn open(&mut self, connection: u64) {
        self.connection = connection;
        let mut scopes: Vec<u64> = self.rules.iter().filter_map(|rule| rule.work.named).collect();
        scopes.sort_unstable();
        scopes.dedup();
        self.signs.extend(scopes.into_iter().map(|scope| Sign::Listens { scope, connection }));
    }

    pub(in crate::core::pack) fn longest(&self, direction: Direction) -> usize {
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

    /// The signs since the last call.
    pub(in crate::core::pack) fn signs(&mut self) -> impl Iterator<Item = Sign> {
        self.signs.drain(..)
    }

    pub(in crate::core::pack) fn has_signs(&self) -> bool {
        !self.signs.is_empty()
    }

    /// Looks at a message; false = more of it must be seen, and nothing was recorded. `posted`: somebody has
    /// requested work over plain HTTP since the connection was opened.
    pub(in crate::core::pack) fn look(
        &mut self,
        direction: Direction,
        candidate: &Candidate<'_>,
        posted: bool,
    ) -> bool {
        let payload = candidate.payload;
        if !self.prefilters[direction.source()].admit(payload.seen().at(0), payload.least()) {
            return true;
        }
        let mut needs_more = false;
        let before = self.signs.len();
        let WorkWatch { connection, rules, asked, signs, .. } = self;
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
