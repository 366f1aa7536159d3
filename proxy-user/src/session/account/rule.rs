//! Counts and newest match of one rule.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::newest::SharedDue;
use crate::core::pack::{RuleIndex, RuleName};
use crate::core::time::Nanos;

/// How often a rule ignored something as machinery.
#[derive(Clone, Debug)]
pub struct RuleCount {
    /// The rule.
    pub rule: RuleName,
    /// How often.
    pub count: u64,
    /// When it last did so.
    pub last: Nanos,
    /// In which session; `None` = a plain request.
    pub session: Option<u64>,
}

/// The counters behind a [`RuleCount`].
#[derive(Debug)]
pub(super) struct Tally {
    name: RuleName,
    count: AtomicU64,
    last: AtomicU64,
    /// 0 = a plain request.
    session: AtomicU64,
    due: SharedDue,
}

impl Tally {
    pub(super) fn new(name: RuleName) -> Tally {
        let zero = || AtomicU64::new(0);
        Tally { name, count: zero(), last: zero(), session: zero(), due: SharedDue::default() }
    }

    pub(super) fn name(&self) -> &RuleName {
        &self.name
    }

    /// Counts one more. True if the history should be told.
    pub(super) fn count(&self, now: Nanos, session: Option<u64>) -> bool {
        self.count.fetch_add(1, Relaxed);
        self.last.fetch_max(now.0, Relaxed);
        self.session.store(session.unwrap_or(0), Relaxed);
        self.due.take(now)
    }

    /// The counts; `None` = the rule has never matched.
    pub(super) fn read(&self) -> Option<RuleCount> {
        let count = self.count.load(Relaxed);
        let session = self.session.load(Relaxed);
        (count > 0).then(|| RuleCount {
            rule: self.name.clone(),
            count,
            last: Nanos(self.last.load(Relaxed)),
            session: (session > 0).then_some(session),
        })
    }
}

/// The rules that a session has met: bit = index modulo 64. The session's pump holds it.
#[derive(Debug, Default)]
pub struct MetRules(AtomicU64);

impl MetRules {
    /// True the first time for each rule. With more than 64 rules, two may be mistaken for one.
    pub(super) fn meets(&self, rule: RuleIndex) -> bool {
        let bit = 1 << (rule.0 % 64);
        // The pump is the only writer, so a load and a store will do.
        let met = self.0.load(Relaxed);
        if met & bit == 0 {
            self.0.store(met | bit, Relaxed);
        }
        met & bit == 0
    }
}
