//! The results of `on_idle = "shadow"`: when an app would be suspended, by each way of counting.

use serde::{Deserialize, Serialize};

use super::time;
use crate::core::shadow::{Comparison, Due};
use crate::core::time::Nanos;
use crate::session::App;

/// The results of `on_idle = "shadow"`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ShadowView {
    /// It would be suspended now.
    pub(crate) suspended: bool,
    pub(crate) suspends_at: String,
    /// Seconds from now; negative = that long ago.
    pub(crate) suspends_in_seconds: f64,
    #[serde(flatten)]
    pub(crate) others: Compared,
    /// How often it would have been suspended.
    pub(crate) times: u64,
    pub(crate) watched_seconds: f64,
    pub(crate) suspended_seconds: Sums,
}

/// For how long it would have been suspended so far, by each way of counting.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Sums {
    pub(crate) counted: f64,
    pub(crate) opcode_only: f64,
    pub(crate) presence: f64,
}

/// When other ways of counting would suspend an app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Compared {
    /// By opcodes alone.
    pub(crate) opcode_only: Alternative,
    /// By open connections.
    pub(crate) presence: Alternative,
}

/// When one other way of counting would suspend an app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Alternative {
    /// When, if there is no more traffic; absent = never, as things are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) suspends_at: Option<String>,
    /// It would be suspended now.
    pub(crate) suspended: bool,
    /// How many open sessions prevent that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) held_by_sessions: Option<usize>,
}

impl Compared {
    /// The comparison as seen at `now`.
    pub(crate) fn of(comparison: &Comparison, now: Nanos) -> Compared {
        let alternative = |due: Due| Alternative {
            suspended: due.is_past(now),
            suspends_at: if let Due::At(at) = due { Some(time(at)) } else { None },
            held_by_sessions: if let Due::Never(open) = due { Some(open) } else { None },
        };
        Compared {
            opcode_only: alternative(comparison.opcode_only),
            presence: alternative(comparison.presence),
        }
    }
}

impl ShadowView {
    /// `None` = shadow mode is not configured.
    pub(super) fn of(app: &App, now: Nanos) -> Option<ShadowView> {
        let account = &app.account;
        let sight = app.sight(now);
        let said =
            account.shadow(|shadow| (shadow.compare(&sight), shadow.suspended(), shadow.times()));
        let (comparison, sums, times) = said?;
        let due = comparison.counted;
        Some(ShadowView {
            suspended: due <= now,
            suspends_at: time(due),
            suspends_in_seconds: due.since(now).as_secs_f64() - now.since(due).as_secs_f64(),
            others: Compared::of(&comparison, now),
            times,
            watched_seconds: now.since(account.since()).as_secs_f64(),
            suspended_seconds: Sums {
                counted: sums.counted.as_secs_f64(),
                opcode_only: sums.opcode_only.as_secs_f64(),
                presence: sums.presence.as_secs_f64(),
            },
        })
    }
}
