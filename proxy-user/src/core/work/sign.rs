//! Signs of work.

use std::sync::Arc;
use std::time::Duration;

/// What work belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// A connection or a request, with which it ends. The number is unique in this process.
    Connection(u64),
    /// Something that continues whether or not anybody is connected, such as a kernel.
    Named(u64),
}

/// Identifies a piece of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// What it belongs to.
    pub scope: Scope,
    /// Its number there, usually a hash; 0 = the only one.
    pub id: u64,
}

/// Who began a piece of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Somebody asked for it.
    Person,
    /// A page, when loading or by a timer: it keeps nothing awake.
    Page,
    /// Nobody asked for it directly: it is a person's if it follows from what a person asked for.
    Asker,
}

/// An observation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sign {
    /// Work began or is still in progress.
    Began {
        /// Which.
        key: Key,
        /// The rule that detected it.
        rule: Arc<str>,
        /// Who began it.
        by: By,
        /// It counts only after it has lasted this long.
        after: Duration,
        /// It is over if there has been no sign of it for this long; `None` = never.
        lapse: Option<Duration>,
    },
    /// Work ended.
    Ended(Key),
    /// Everything in this scope ended.
    AllEnded(Scope),
    /// Everything in this scope is about to end, which may not be reported.
    Ending(Scope),
    /// The state of a named scope as reported in passing. It counts only if no connection listens to the
    /// scope.
    State {
        /// The scope's number.
        scope: u64,
        /// The rule that detected it.
        rule: Arc<str>,
        /// It is at work.
        busy: bool,
    },
    /// A connection listens to a named scope.
    Listens {
        /// The scope's number.
        scope: u64,
        /// The connection's.
        connection: u64,
    },
    /// A connection or request has ended.
    Closed(u64),
    /// The app is down, and so is all its work.
    Down,
}
