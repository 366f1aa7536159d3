//! Reading the account: for metrics, the API and the shadow.

use super::{Account, RuleCount};
use crate::core::cadence::Hints;
use crate::core::gate::{Activity, Reason};
use crate::core::history::{History, Key, Kind, What};
use crate::core::pack::Class;
use crate::core::shadow::{Shadow, Sight};
use crate::core::time::Nanos;

/// The newest thing that counted for one reason.
#[derive(Clone, Debug)]
pub struct Last {
    /// When, to within 4 ms.
    pub at: Nanos,
    /// What it was, in which session, by which rule.
    pub key: Key,
}

impl Account {
    /// The newest thing that counted for this reason since the account was opened.
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

    /// How often each rule ignored something; rules that never did are left out.
    #[must_use]
    pub fn ignored_by_rule(&self) -> Vec<RuleCount> {
        self.rules.load().iter().filter_map(|rule| rule.read()).collect()
    }

    /// How often something was ignored, by the class of the rule.
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

    /// The recognised packs, in order of recognition.
    #[must_use]
    pub fn packs_recognised(&self) -> Vec<String> {
        self.kept().recognised.iter().map(ToString::to_string).collect()
    }

    /// What recently counted and what was ignored.
    #[must_use]
    pub fn history(&self) -> History {
        self.kept().history.clone()
    }

    /// Probable machinery that no rule matches.
    #[must_use]
    pub fn hints(&self) -> Hints {
        self.kept().hints.clone()
    }

    /// The number of hints.
    #[must_use]
    pub fn hint_count(&self) -> usize {
        self.kept().hints.len()
    }

    /// Since when the app has been observed.
    #[must_use]
    pub fn since(&self) -> Nanos {
        self.since
    }

    /// What each way of counting sees of the app, given its newest activity and its open sessions.
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

    /// Calls `ask` with the shadow of an app that has `on_idle = "shadow"` and `idle_after`; others have
    /// none.
    pub fn shadow<T>(&self, ask: impl FnOnce(&mut Shadow) -> T) -> Option<T> {
        self.shadow.lock().as_mut().map(ask)
    }
}
