//! The most recent hints of one app, over all its sessions.

use super::{Hint, guard};
use crate::core::history::Path;
use crate::core::time::Nanos;

/// Hints kept per app; an app with more kinds of machinery needs a pack of its own.
pub(super) const KEPT: usize = 16;

/// A hint and where it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The hint as last seen, with the shortest and longest lengths ever seen.
    pub hint: Hint,
    /// The path of the newest connection or request.
    pub path: Path,
    /// A regular expression that matches such paths.
    pub guard: Box<str>,
    /// When it was first seen.
    pub first: Nanos,
    /// When it was last seen.
    pub last: Nanos,
    /// The session in which it was last seen; `None` = plain requests.
    pub session: Option<u64>,
}

/// The hints of one app.
#[derive(Clone, Debug, Default)]
pub struct Hints(Vec<Known>);

impl Hints {
    /// Records a hint from a session on a connection with this path, or from requests for it.
    pub fn note(&mut self, now: Nanos, session: Option<u64>, path: &str, mut hint: Hint) {
        let guard: Box<str> = guard(path).into();
        let key = |hint: &Hint| (hint.digest, hint.carrier);
        let same = |known: &Known| key(&known.hint) == key(&hint) && known.guard == guard;
        let mut first = now;
        if let Some(at) = self.0.iter().position(same) {
            let old = self.0.remove(at);
            first = old.first;
            hint.least = hint.least.min(old.hint.least);
            hint.most = hint.most.max(old.hint.most);
        }
        if self.0.len() >= KEPT {
            self.0.remove(0);
        }
        self.0.push(Known { hint, path: Path::shown(path), guard, first, last: now, session });
    }

    /// The hints, the newest first.
    pub fn iter(&self) -> impl Iterator<Item = &Known> {
        self.0.iter().rev()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// There are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
