//! What a lifecycle is told about its app, and what that means for the idle clock.

use std::time::Duration;

use crate::core::time::Nanos;

/// Facts about the app at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Facts {
    /// Suspended after this long without activity; `None` = never.
    pub idle_after: Option<Duration>,
    /// How long work may keep it awake with nobody there.
    pub busy_limit: Duration,
    /// Its newest activity.
    pub activity: Option<Nanos>,
    /// Its work on somebody's behalf.
    pub work: Work,
    /// It is within its `keep_awake` hours.
    pub kept: bool,
}

/// Work in progress, as observed from outside the app.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Work {
    /// Until when it keeps the app awake at most; `None` = no work is in progress.
    pub until: Option<Nanos>,
    /// When work that kept the app awake last ended.
    pub ended: Option<Nanos>,
}

impl Facts {
    /// The time from which its idleness counts.
    pub(super) fn base(&self, floor: Nanos) -> Nanos {
        let seen = self.activity.into_iter().chain(self.work.ended);
        seen.fold(floor, Nanos::max)
    }

    /// When it will have been idle for long enough; `None` = never, as things are.
    pub(super) fn suspends_at(&self, floor: Nanos) -> Option<Nanos> {
        let idle_after = self.idle_after.filter(|_| !self.kept)?;
        let idle = self.base(floor) + idle_after;
        Some(self.work.until.map_or(idle, |until| idle.max(until)))
    }

    /// Whether somebody has used it lately, so that it should run.
    pub(super) fn is_wanted(&self, floor: Nanos, now: Nanos) -> bool {
        self.idle_after.is_none_or(|idle_after| self.base(floor) + idle_after > now)
    }
}
