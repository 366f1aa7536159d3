//! When an app would have been suspended: by Ebbtide's counting, by opcodes alone, and by open connections.
//!
//! It only compares; it suspends nothing. Call [`Shadow::look`] about once a second.

use std::time::Duration;

use super::time::Nanos;

/// What each way of counting sees of an app at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Sight {
    /// The newest activity; if there is none, when observation of the app began.
    pub counted: Nanos,
    /// The newest data frame, request or upgrade, however it was judged.
    pub any: Nanos,
    /// The newest request or upgrade, however it was judged.
    pub request: Nanos,
    /// Open sessions.
    pub sessions: usize,
}

/// When a way of counting would suspend an app that stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// At this time. If it has passed, the app would be suspended.
    At(Nanos),
    /// Not while this many sessions are open.
    Never(usize),
}

impl Due {
    /// Whether it would be suspended at `now`.
    #[must_use]
    pub fn is_past(self, now: Nanos) -> bool {
        matches!(self, Due::At(at) if at <= now)
    }
}

/// The results of all three ways of counting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// Ebbtide.
    pub counted: Nanos,
    /// A proxy that only tells data frames from control frames.
    pub opcode_only: Due,
    /// A proxy that counts open connections.
    pub presence: Due,
}

/// For how long an app would have been suspended so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Suspended {
    /// By Ebbtide's counting.
    pub counted: Duration,
    /// By opcodes alone.
    pub opcode_only: Duration,
    /// By open connections.
    pub presence: Duration,
}

/// What is remembered about one app.
#[derive(Clone, Debug)]
pub struct Shadow {
    idle_after: Duration,
    /// When a session was last open or a request last came.
    present: Nanos,
    looked: Nanos,
    /// The activity whose idle period has been reported.
    told: Option<Nanos>,
    /// How often it would have been suspended.
    times: u64,
    suspended: Suspended,
}

impl Shadow {
    /// Observes an app from `now` on. `idle_after`: how long without activity until it would be suspended.
    #[must_use]
    pub fn new(idle_after: Duration, now: Nanos) -> Shadow {
        let suspended = Suspended::default();
        Shadow { idle_after, present: now, looked: now, told: None, times: 0, suspended }
    }

    /// Changes `idle_after`. What was observed is kept.
    pub fn set_idle_after(&mut self, idle_after: Duration) {
        self.idle_after = idle_after;
    }

    /// Looks at the app. Returns the comparison when the app would be suspended, once for each idle period.
    pub fn look(&mut self, now: Nanos, sight: &Sight) -> Option<Comparison> {
        self.present = self.present.max(if sight.sessions > 0 { now } else { sight.request });
        let comparison = self.compare(sight);
        let past = now.since(self.looked);
        self.looked = self.looked.max(now);
        for (sum, due) in [
            (&mut self.suspended.counted, Due::At(comparison.counted)),
            (&mut self.suspended.opcode_only, comparison.opcode_only),
            (&mut self.suspended.presence, comparison.presence),
        ] {
            if let Due::At(at) = due {
                *sum += past.min(now.since(at));
            }
        }
        if now < comparison.counted || self.told == Some(sight.counted) {
            return None;
        }
        self.told = Some(sight.counted);
        self.times += 1;
        Some(comparison)
    }

    /// When each way of counting would suspend the app.
    #[must_use]
    pub fn compare(&self, sight: &Sight) -> Comparison {
        let presence = match sight.sessions {
            0 => Due::At(self.present.max(sight.request) + self.idle_after),
            open => Due::Never(open),
        };
        Comparison {
            counted: sight.counted + self.idle_after,
            opcode_only: Due::At(sight.any.max(sight.counted) + self.idle_after),
            presence,
        }
    }

    /// How often the app would have been suspended.
    #[must_use]
    pub fn times(&self) -> u64 {
        self.times
    }

    /// For how long it would have been suspended, up to the last look.
    #[must_use]
    pub fn suspended(&self) -> Suspended {
        self.suspended
    }
}

#[cfg(test)]
#[path = "shadow_tests.rs"]
mod tests;
