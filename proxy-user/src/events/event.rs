//! The events, with everything that a listener may want to know. Payloads and addresses are left out.

use std::sync::Arc;
use std::time::Duration;

use crate::core::ending::Reap;
use crate::core::history::Key;
use crate::core::loss::Loss;
use crate::core::pack::RuleName;
use crate::core::shadow::Comparison;
use crate::core::time::Nanos;
use crate::core::work::Change;

/// An event of an app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The app's name.
    pub app: Box<str>,
    /// When it happened.
    pub at: Nanos,
    /// What happened.
    pub kind: EventKind,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// Traffic counted or was ignored as machinery: see `key.what`. `rule`: the rule named there.
    Traffic {
        /// What it was, and in which session.
        key: Key,
        /// The rule's name.
        rule: Option<RuleName>,
    },
    /// A session was ended because the peer of one leg was gone.
    Reap {
        /// The session.
        session: u64,
        /// Which leg, and why.
        reap: Reap,
    },
    /// A request or session failed because of the app.
    Loss {
        /// The session; `None` = a request or handshake.
        session: Option<u64>,
        /// The kind of loss.
        loss: Loss,
    },
    /// The app was suspended.
    Suspend,
    /// The app is running again.
    Wake {
        /// How long it took to start.
        took: Duration,
    },
    /// The app could not start, or exited while in use.
    Failed {
        /// Why, in words.
        reason: Box<str>,
    },
    /// The app is at work for somebody, or no longer is.
    Work {
        /// Which of the two.
        change: Change,
        /// The rules that detected the work in progress.
        rules: Vec<Arc<str>>,
    },
    /// The app would have been suspended: `on_idle = "shadow"`.
    ShadowSuspend {
        /// Its newest activity.
        idle_since: Nanos,
        /// When each way of counting would have suspended it.
        comparison: Comparison,
    },
}
