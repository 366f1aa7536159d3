//! What an app looks like to its lifecycle, and what follows for its idle clock.

use std::time::Duration;

use crate::core::time::Nanos;

/// The app at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Facts {
    /// Suspended after this long without activity; `None` = never.
    pub idle_after: Option<Duration>,
    /// The longest that work keeps it awake with nobody there.
    pub busy_limit: Duration,
    /// Its newest activity.
    pub activity: Option<Nanos>,
    /// What it computes for somebody.
    pub work: Work,
    /// It is inside one of its hours (`keep_awake`).
    pub kept: bool,
}

/// Work in progress, as far as it is seen from outside the app.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Work {
    /// It keeps the app awake until then at the latest; `None` = nothing is in progress.
    pub until: Option<Nanos>,
    /// When work that kept it awake last ended.
    pub ended: Option<Nanos>,
}

impl Facts {
    /// From when its idleness counts.
    pub(super) fn base(&self, floor: Nanos) -> Nanos {
        let seen = self.activity.into_iter().chain(self.work.ended);
        seen.fold(floor, Nanos::max)
    }

    /// When it has been idle for long enough; `None` = never, as things are.
    pub(super) fn suspends_at(&self, floor: Nanos) -> Option<Nanos> {
        let idle_after = self.idle_after.filter(|_| !self.kept)?;
        let idle = self.base(floor) + idle_after;
        Some(self.work.until.map_or(idle, |until| idle.max(until)))
    }

    /// Somebody has used it lately, so that it should run.
    pub(super) fn is_wanted(&self, floor: Nanos, now: Nanos) -> bool {
        self.idle_after.is_none_or(|idle_after| self.base(floor) + idle_after > now)
    }
}
