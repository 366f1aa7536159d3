//! What the account says to those who ask: metrics, the API, the shadow.

use super::{Account, RuleCount};
use crate::core::cadence::Hints;
use crate::core::gate::{Activity, Reason};
use crate::core::history::{History, Key, Kind, What};
use crate::core::pack::Class;
use crate::core::shadow::{Shadow, Sight};
use crate::core::time::Nanos;

/// The newest of what counted for one reason.
#[derive(Clone, Debug)]
pub struct Last {
    /// When, to 4 ms.
    pub at: Nanos,
    /// What, whose, by which rule.
    pub key: Key,
}

impl Account {
    /// The newest that counted for this reason, since the app's account was opened.
    #[must_use]
    pub fn newest(&self, reason: Reason) -> Option<Last> {
        let newest = match reason {
            Reason::Input => &self.newest_input,
            Reason::Output => &self.newest_output,
            Reason::Request | Reason::Upgrade => {
                let (at, key) =
                    self.kept().asked[usize::from(reason == Reason::Upgrade)].clone()?;
                return Some(Last { at, key });
            }
        };
        let message = newest.read()?;
        let what = What::Counted(reason, message.rule);
        let kind = Kind::Message(message.opcode, message.size);
        Some(Last { at: message.at, key: Key { session: Some(message.session), what, kind } })
    }

    /// What each rule took for machinery; rules that took nothing are left out.
    #[must_use]
    pub fn ignored_by_rule(&self) -> Vec<RuleCount> {
        self.rules.load().iter().filter_map(|rule| rule.read()).collect()
    }

    /// What was taken for machinery, by the class of its rule.
    #[must_use]
    pub fn ignored_by_class(&self) -> [(Class, u64); 8] {
        let mut counts = Class::ALL.map(|class| (class, 0));
        for rule in self.ignored_by_rule() {
            for (_, count) in counts.iter_mut().filter(|(class, _)| *class == rule.rule.class) {
                *count += rule.count;
            }
        }
        counts
    }

    /// The packs that were recognised, in the order of their recognition.
    #[must_use]
    pub fn packs_recognised(&self) -> Vec<String> {
        self.kept().recognised.iter().map(ToString::to_string).collect()
    }

    /// What lately counted and what was ignored.
    #[must_use]
    pub fn history(&self) -> History {
        self.kept().history.clone()
    }

    /// Probable machinery that no rule knows.
    #[must_use]
    pub fn hints(&self) -> Hints {
        self.kept().hints.clone()
    }

    /// How many hints there are.
    #[must_use]
    pub fn hint_count(&self) -> usize {
        self.kept().hints.len()
    }

    /// Since when the app is watched.
    #[must_use]
    pub fn since(&self) -> Nanos {
        self.since
    }

    /// What the app looks like to each way of counting, given its gate and its open sessions.
    #[must_use]
    pub fn sight(&self, newest: Option<Activity>, sessions: usize) -> Sight {
        let at = |activity: Option<Activity>| activity.map_or(self.since, |activity| activity.at);
        Sight {
            counted: at(newest),
            any: at(self.uncounted.newest()),
            request: at(self.requests.newest()),
            sessions,
        }
    }

    /// Asks the shadow of an app with `on_idle = "shadow"` and `idle_after`; others have none.
    pub fn shadow<T>(&self, ask: impl FnOnce(&mut Shadow) -> T) -> Option<T> {
        self.shadow.lock().as_mut().map(ask)
    }
}
