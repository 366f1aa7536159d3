//! What must hold of one app, told from what happened to it and what was done to it.

use std::collections::BTreeSet;
use std::time::Duration;

use ebbtide::core::time::Nanos;

/// Time between two looks of the keeper at its apps.
pub(crate) const SWEEP: Duration = Duration::from_secs(1);
/// The gate's step: activity is known to 4 ms.
const STEP: Duration = Duration::from_nanos(1 << 22);
/// Work that lasts for so long leaves something to fetch.
const LEAVES: Duration = Duration::from_secs(5);
/// Works with no longer a pause between them are one stretch.
const PAUSE: Duration = Duration::from_secs(1);

/// What is known of the app without asking its lifecycle.
#[derive(Debug)]
pub(crate) struct Oracle {
    idle_after: Duration,
    busy_limit: Duration,
    /// From when it may be idle: the newest activity, start or end of work.
    base: Nanos,
    activity: Nanos,
    /// Work in progress.
    works: BTreeSet<u64>,
    /// The newest stretch of work: since when, and until when if it is over.
    stretch: Option<(Nanos, Option<Nanos>)>,
    /// It cannot be suspended before this: it said that it is busy, could not be stopped, or the machine
    /// slept.
    excused: Nanos,
    /// How long after it was due a suspension began at most.
    pub(crate) latest: Duration,
    pub(crate) broken: Vec<String>,
}

impl Oracle {
    pub(crate) fn new(idle_after: Duration, busy_limit: Duration) -> Oracle {
        Oracle {
            idle_after,
            busy_limit,
            base: Nanos(0),
            activity: Nanos(0),
            works: BTreeSet::new(),
            stretch: None,
            excused: Nanos(0),
            latest: Duration::ZERO,
            broken: Vec::new(),
        }
    }

    pub(crate) fn activity(&mut self, now: Nanos) {
        (self.activity, self.base) = (now, now.max(self.base));
    }

    /// It answers, or somebody wanted it.
    pub(crate) fn used(&mut self, now: Nanos) {
        self.base = now.max(self.base);
    }

    pub(crate) fn work_begins(&mut self, key: u64, now: Nanos) {
        if self.works.is_empty() {
            let before =
                self.stretch.filter(|(_, end)| end.is_some_and(|end| now.since(end) <= PAUSE));
            self.stretch = Some((before.map_or(now, |(since, _)| since), None));
        }
        self.works.insert(key);
    }

    pub(crate) fn work_ends(&mut self, key: u64, now: Nanos) {
        if self.works.remove(&key) && self.works.is_empty() {
            self.end_stretch(now);
        }
    }

    /// Its process is gone, and all its work with it.
    pub(crate) fn is_down(&mut self, now: Nanos) {
        if !std::mem::take(&mut self.works).is_empty() {
            self.end_stretch(now);
        }
    }

    fn end_stretch(&mut self, now: Nanos) {
        let Some((since, end)) = &mut self.stretch else { return };
        *end = Some(now);
        if now.since(*since) >= LEAVES {
            self.used(now);
        }
    }

    /// The machine slept for so long: nobody could be heard.
    pub(crate) fn slept(&mut self, gap: Duration, now: Nanos) {
        self.base = (self.base + gap).min(now);
        self.excuse(now);
    }

    pub(crate) fn excuse(&mut self, until: Nanos) {
        self.excused = until.max(self.excused);
    }

    /// Work keeps it awake until then.
    fn at_work_until(&self) -> Option<Nanos> {
        let (since, _) = self.stretch.filter(|(_, end)| end.is_none())?;
        Some(since.max(self.activity) + self.busy_limit)
    }

    fn due(&self) -> Nanos {
        let idle = self.base + self.idle_after;
        self.at_work_until().map_or(idle, |until| until.max(idle))
    }

    /// It is stopped for idleness.
    pub(crate) fn stopped(&mut self, now: Nanos) {
        let due = self.due();
        if now + STEP < due {
            self.broken.push(format!("stopped at {now:?}, {:?} too early: {self}", due.since(now)));
        }
    }

    /// It runs, and nothing is being done to suspend it.
    pub(crate) fn runs(&mut self, now: Nanos) {
        let late = now.since(self.due().max(self.excused));
        if late > 2 * SWEEP {
            self.broken.push(format!("awake at {now:?}, {late:?} too late: {self}"));
        }
    }

    /// Its suspension begins.
    pub(crate) fn suspends(&mut self, now: Nanos) {
        self.latest = self.latest.max(now.since(self.due().max(self.excused)));
    }

    /// Work in progress.
    pub(crate) fn works(&self) -> BTreeSet<u64> {
        self.works.clone()
    }

    pub(crate) fn is_at_work(&self, now: Nanos) -> bool {
        self.at_work_until().is_some_and(|until| now < until)
    }
}

impl std::fmt::Display for Oracle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "base {:?}, activity {:?}, works {:?}", self.base, self.activity, self.works)
    }
}
