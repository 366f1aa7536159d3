//! When an app would have been suspended: by what Ebbtide counts, by opcodes alone, and by whether
//! anybody is connected.
//!
//! It only compares; nothing is suspended by it. Call [`Shadow::look`] once a second or so.

use std::time::Duration;

use super::time::Nanos;

/// What an app looks like at one moment to each way of counting.
#[derive(Clone, Copy, Debug)]
pub struct Sight {
    /// The newest activity; before any, the moment from which the app is watched.
    pub counted: Nanos,
    /// The newest data frame, request or upgrade, whatever it was taken for.
    pub any: Nanos,
    /// The newest request or upgrade, whatever it was taken for.
    pub request: Nanos,
    /// Sessions that are open.
    pub sessions: usize,
}

/// When a way of counting would suspend an app that stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// At this moment; in the past: it would have.
    At(Nanos),
    /// Not while sessions are open: so many are.
    Never(usize),
}

impl Due {
    /// It would have been suspended by `now`.
    #[must_use]
    pub fn is_past(self, now: Nanos) -> bool {
        matches!(self, Due::At(at) if at <= now)
    }
}

/// The three answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// Ebbtide's own.
    pub counted: Nanos,
    /// Of a proxy that tells data frames from control frames, and no more.
    pub opcode_only: Due,
    /// Of a proxy that counts open connections.
    pub presence: Due,
}

/// For how long an app would have been suspended so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Suspended {
    /// By what Ebbtide counts.
    pub counted: Duration,
    /// By opcodes alone.
    pub opcode_only: Duration,
    /// By open connections.
    pub presence: Duration,
}

/// What is remembered of one app.
#[derive(Clone, Debug)]
pub struct Shadow {
    idle_after: Duration,
    /// When a session was last seen open, or a request last came.
    present: Nanos,
    looked: Nanos,
    /// The activity whose idle stretch was told already.
    told: Option<Nanos>,
    /// How often it would have been suspended.
    times: u64,
    suspended: Suspended,
}

impl Shadow {
    /// Watches an app from `now` on that is to be suspended after `idle_after` without activity.
    #[must_use]
    pub fn new(idle_after: Duration, now: Nanos) -> Shadow {
        let suspended = Suspended::default();
        Shadow { idle_after, present: now, looked: now, told: None, times: 0, suspended }
    }

    /// Changes how long the app may be without activity. What was seen of it is kept.
    pub fn set_idle_after(&mut self, idle_after: Duration) {
        self.idle_after = idle_after;
    }

    /// Looks at the app. Returns the comparison in the moment in which the app would be suspended,
    /// once for each stretch of idleness.
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

    /// For how long it would have been, up to the last look.
    #[must_use]
    pub fn suspended(&self) -> Suspended {
        self.suspended
    }
}

#[cfg(test)]
#[path = "shadow_tests.rs"]
mod tests;
