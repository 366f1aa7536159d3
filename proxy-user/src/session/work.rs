//! The work in progress of one app. The lock is taken when a sign of work is seen, not for each frame.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use parking_lot::Mutex;

use super::App;
use crate::core::cpu;
use crate::core::lifecycle;
use crate::core::report::LastUse;
use crate::core::shadow::Sight;
use crate::core::time::Nanos;
use crate::core::work::{By, Change, Sign, Works};
use crate::events::EventKind;

/// The scope of work detected by CPU time. It is unlikely to collide with a rule's hash.
const CPU_SCOPE: u64 = u64::from_be_bytes(*b"cpu time");
const UNKNOWN: u64 = u64::MAX;

/// What an app is doing on somebody's behalf, as far as its traffic and its CPU time show.
#[derive(Debug)]
pub struct WorkBook {
    works: Mutex<Works>,
    /// There is some work.
    any: AtomicBool,
    /// Number of the next request.
    requests: AtomicU64,
    /// CPU time used in the last minute, in microseconds; [`UNKNOWN`] = not measured.
    cpu: AtomicU64,
}

impl Default for WorkBook {
    fn default() -> WorkBook {
        WorkBook {
            works: Mutex::default(),
            any: AtomicBool::default(),
            requests: AtomicU64::default(),
            cpu: AtomicU64::new(UNKNOWN),
        }
    }
}

/// One kind of work in progress.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenWork {
    /// The rule that detected it.
    pub rule: Arc<str>,
    /// How many of this kind are in progress.
    pub count: usize,
    /// When the oldest began.
    pub since: Nanos,
    /// A page started it by itself, so it keeps nothing awake.
    pub by_page: bool,
    /// Somebody is connected to the session that it belongs to.
    pub watched: bool,
}

impl WorkBook {
    /// What the lifecycle needs to know. `limit`: how long work keeps the app awake with nobody there; `None`
    /// = work does not count. `activity`: the newest.
    #[must_use]
    pub fn facts(&self, limit: Option<Duration>, activity: Option<Nanos>) -> lifecycle::Work {
        limit.map_or(lifecycle::Work::default(), |limit| self.works.lock().facts(limit, activity))
    }

    /// Since when the app has been at work for somebody.
    #[must_use]
    pub fn busy(&self) -> Option<Nanos> {
        self.works.lock().busy()
    }

    /// When the last work ended whose result can still be fetched.
    #[must_use]
    pub fn left(&self) -> Option<Nanos> {
        self.works.lock().left()
    }

    /// Work on the wire that does not end with a connection: since when, and the sign of it.
    #[must_use]
    pub fn lasting(&self) -> Vec<(Nanos, Sign)> {
        let by_cpu = |sign: &Sign| matches!(sign, Sign::Began { rule, .. } if **rule == *cpu::RULE);
        self.works.lock().lasting().filter(|(_, sign)| !by_cpu(sign)).collect()
    }

    /// Work in progress, grouped by rule.
    #[must_use]
    pub fn open(&self) -> Vec<OpenWork> {
        let works = self.works.lock();
        let mut kinds: Vec<OpenWork> = Vec::new();
        for open in works.open() {
            let (by_page, watched) = (open.by != By::Person, works.is_watched(open));
            let known =
                kinds.iter_mut().find(|kind| kind.rule == open.rule && kind.by_page == by_page);
            match known {
                Some(kind) => {
                    kind.count += 1;
                    kind.watched |= watched;
                }
                None => kinds.push(OpenWork {
                    rule: Arc::clone(&open.rule),
                    count: 1,
                    since: open.since,
                    by_page,
                    watched,
                }),
            }
        }
        kinds
    }

    /// CPU time used in the last minute ([`cpu::WINDOW`]); `None` = not measured.
    #[must_use]
    pub fn cpu(&self) -> Option<Duration> {
        match self.cpu.load(Relaxed) {
            UNKNOWN => None,
            micros => Some(Duration::from_micros(micros)),
        }
    }

    /// A number for a request, distinct from all session ids.
    pub fn number_request(&self) -> u64 {
        1 << 63 | self.requests.fetch_add(1, Relaxed)
    }
}

impl App {
    /// Processes signs of work.
    pub fn note_work(&self, now: Nanos, signs: impl IntoIterator<Item = Sign>) {
        let mut changes = Vec::new();
        {
            let mut works = self.work.works.lock();
            changes.extend(signs.into_iter().filter_map(|sign| works.on(sign, now)));
            self.work.any.store(!works.is_empty(), Relaxed);
        }
        changes.into_iter().for_each(|change| self.tell_work(now, change));
    }

    /// Records the CPU time used in the last minute. Above the given share of a core, in percent, the app is
    /// at work. `None` = it is no longer measured.
    pub fn note_cpu(&self, measured: Option<(Duration, u32)>, now: Nanos) {
        let micros = measured
            .map_or(UNKNOWN, |(used, _)| u64::try_from(used.as_micros()).unwrap_or(UNKNOWN - 1));
        self.work.cpu.store(micros, Relaxed);
        let busy = measured.is_some_and(|(used, percent)| cpu::is_above(used, percent));
        if busy || self.work.any.load(Relaxed) {
            self.note_work(now, [Sign::State { scope: CPU_SCOPE, rule: cpu::RULE.into(), busy }]);
        }
    }

    /// A connection or request has ended.
    pub fn close_work(&self, now: Nanos, number: u64) {
        if self.work.any.load(Relaxed) {
            self.note_work(now, [Sign::Closed(number)]);
        }
    }

    /// The app is down: its work is either done or lost.
    pub(super) fn lose_work(&self, now: Nanos) {
        if self.work.any.load(Relaxed) {
            self.note_work(now, [Sign::Down]);
        }
    }

    /// What each way of counting sees of the app. An app at work for somebody counts as used, and so does one
    /// whose result can still be fetched.
    pub fn sight(&self, now: Nanos) -> Sight {
        let newest = self.gate.newest();
        let mut sight = self.account.sight(newest, self.live.load(Relaxed));
        let activity = newest.map(|activity| activity.at);
        let work = self.work.facts(self.policy().config.busy_limit, activity);
        if work.until.is_some_and(|until| until > now) {
            sight.counted = now;
        }
        sight.counted = work.ended.map_or(sight.counted, |ended| sight.counted.max(ended));
        sight
    }

    /// When it was last used, as reported to a control plane that stops idle apps: `now` while it is at work
    /// for somebody. Work that left a result to fetch counts at its end.
    #[must_use]
    pub fn last_use(&self, now: Nanos) -> Option<LastUse> {
        let facts = self.facts(now);
        if self.is_busy(&facts, now) {
            return Some(LastUse::work(now));
        }
        let activity = self.gate.newest().map(LastUse::from);
        let work = facts.work.ended.map(LastUse::work);
        activity.into_iter().chain(work).max_by_key(|last_use| last_use.at)
    }

    /// Call once a second.
    pub fn tick_work(&self, now: Nanos) {
        if self.work.any.load(Relaxed) {
            let change = self.work.works.lock().tick(now);
            change.into_iter().for_each(|change| self.tell_work(now, change));
        }
    }

    fn tell_work(&self, now: Nanos, change: Change) {
        self.tell(now, || {
            let mut rules: Vec<Arc<str>> = self.work.open().into_iter().map(|o| o.rule).collect();
            rules.dedup();
            EventKind::Work { change, rules }
        });
    }
}

#[cfg(test)]
#[path = "work_tests.rs"]
mod tests;
