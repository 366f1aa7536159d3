//! The works of one app, behind a lock that is taken when a sign of work is seen, and not for each frame.

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

/// The scope of that work, which no rule's hash is likely to be.
const CPU_SCOPE: u64 = u64::from_be_bytes(*b"cpu time");
const UNKNOWN: u64 = u64::MAX;

/// What an app computes for somebody, as far as the wire and the machine tell.
#[derive(Debug)]
pub struct WorkBook {
    works: Mutex<Works>,
    /// Something is in there.
    any: AtomicBool,
    /// Requests that were numbered.
    requests: AtomicU64,
    /// The CPU time of the last minute, in microseconds; [`UNKNOWN`] = not measured.
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
    /// The rule that knows it.
    pub rule: Arc<str>,
    /// How many such works there are.
    pub count: usize,
    /// Since when the oldest.
    pub since: Nanos,
    /// A page began it by itself: it keeps nothing awake.
    pub by_page: bool,
    /// Somebody is connected to what it belongs to.
    pub watched: bool,
}

impl WorkBook {
    /// What the lifecycle wants to know; `limit`: how long work keeps the app awake with nobody there,
    /// `None` = work does not count. `activity`: the newest.
    #[must_use]
    pub fn facts(&self, limit: Option<Duration>, activity: Option<Nanos>) -> lifecycle::Work {
        limit.map_or(lifecycle::Work::default(), |limit| self.works.lock().facts(limit, activity))
    }

    /// Since when the app is at work for somebody.
    #[must_use]
    pub fn busy(&self) -> Option<Nanos> {
        self.works.lock().busy()
    }

    /// When work ended that left something to fetch.
    #[must_use]
    pub fn left(&self) -> Option<Nanos> {
        self.works.lock().left()
    }

    /// What is in progress, by rule.
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

    /// The CPU time that it used in the last minute ([`cpu::WINDOW`]); `None` = not measured.
    #[must_use]
    pub fn cpu(&self) -> Option<Duration> {
        match self.cpu.load(Relaxed) {
            UNKNOWN => None,
            micros => Some(Duration::from_micros(micros)),
        }
    }

    /// A number for a request, apart from those of sessions.
    pub fn number_request(&self) -> u64 {
        1 << 63 | self.requests.fetch_add(1, Relaxed)
    }
}

impl App {
    /// Signs of work were seen.
    pub fn note_work(&self, now: Nanos, signs: impl IntoIterator<Item = Sign>) {
        let mut changes = Vec::new();
        {
            let mut works = self.work.works.lock();
            changes.extend(signs.into_iter().filter_map(|sign| works.on(sign, now)));
            self.work.any.store(!works.is_empty(), Relaxed);
        }
        changes.into_iter().for_each(|change| self.tell_work(now, change));
    }

    /// It has used so much CPU time in the last minute, and is at work above a share of a core in percent;
    /// `None` = it is not measured any more.
    pub fn note_cpu(&self, measured: Option<(Duration, u32)>, now: Nanos) {
        let micros = measured
            .map_or(UNKNOWN, |(used, _)| u64::try_from(used.as_micros()).unwrap_or(UNKNOWN - 1));
        self.work.cpu.store(micros, Relaxed);
        let busy = measured.is_some_and(|(used, percent)| cpu::is_above(used, percent));
        if busy || self.work.any.load(Relaxed) {
            self.note_work(now, [Sign::State { scope: CPU_SCOPE, rule: cpu::RULE.into(), busy }]);
        }
    }

    /// A connection or a request is over.
    pub fn close_work(&self, now: Nanos, number: u64) {
        if self.work.any.load(Relaxed) {
            self.note_work(now, [Sign::Closed(number)]);
        }
    }

    /// The app is down: what it did is done or lost.
    pub(super) fn lose_work(&self, now: Nanos) {
        if self.work.any.load(Relaxed) {
            self.note_work(now, [Sign::Down]);
        }
    }

    /// What the app looks like to each way of counting. While it is at work for somebody it is used, and
    /// what it has done can still be fetched.
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

    /// When it was last used, as whoever stops idle apps from outside is to know it: now, while it is at
    /// work for somebody; and work that left something to fetch counts at its end.
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

    /// To be called once a second.
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
