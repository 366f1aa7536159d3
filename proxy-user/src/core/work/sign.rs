//! What is seen of work.

use std::sync::Arc;
use std::time::Duration;

/// Where work belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// A connection or a request: it is over with that. The number is its alone in this process.
    Connection(u64),
    /// Something that goes on whoever looks, such as a kernel.
    Named(u64),
}

/// Which work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// Where it belongs to.
    pub scope: Scope,
    /// Its own number there, as a rule a hash; 0 = the only one.
    pub id: u64,
}

/// Who began a work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Somebody asked for it.
    Person,
    /// A page, when it was loaded or by a timer: it keeps nothing awake.
    Page,
    /// Nobody asked for it directly: it is a person's if it follows from what a person asked for.
    Asker,
}

/// Something that was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sign {
    /// Work began, or goes on.
    Began {
        /// Which.
        key: Key,
        /// The rule that knows it.
        rule: Arc<str>,
        /// Who began it.
        by: By,
        /// It counts only when it has lasted for so long.
        after: Duration,
        /// It is over when nothing is seen of it for so long; `None` = never.
        lapse: Option<Duration>,
    },
    /// Work ended.
    Ended(Key),
    /// Everything in this scope ended.
    AllEnded(Scope),
    /// Everything in this scope is about to end, whether or not that is told.
    Ending(Scope),
    /// What passed by says of a named scope, which counts where nobody listens to it.
    State {
        /// The scope's number.
        scope: u64,
        /// The rule that knows it.
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
    /// A connection or a request is over.
    Closed(u64),
    /// The app is down, and all its work with it.
    Down,
}
