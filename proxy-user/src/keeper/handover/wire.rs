//! What one Ebbtide tells the next about its apps. Times are those of the machine's monotonic clock, which both
//! read.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config;
use crate::core::time::Nanos;
use crate::core::work::{By, Key, Scope, Sign};

/// In the order in which they are sent: each app and [`Message::All`] by the old Ebbtide, [`Message::Take`] by the
/// new one, [`Message::Given`] and [`Message::Released`] by the old one.
///
/// The apps change hands when `Given` is sent. Until then the old one keeps them if anything fails or takes too
/// long. The new one goes without them if it gets no `Given`, after making sure that none can be sent any more.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Message {
    /// An app.
    App(Box<Handed>),
    /// There are no more.
    All,
    /// The names of those that the new one can go on with. It guards them already.
    Take(Vec<String>),
    /// They are the new one's.
    Given,
    /// The old one no longer guards them or reads their output.
    Released,
}

/// An app.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Handed {
    pub(super) name: String,
    /// Its newest activity: when, in nanoseconds, and the word for it.
    pub(super) activity: Option<(u64, String)>,
    /// Work in progress that does not end with a connection, the oldest first.
    pub(super) work: Vec<HandedWork>,
    /// Its child process, if one is running. Its descriptors come with the message.
    pub(super) run: Option<HandedRun>,
}

/// A running app of the driver `process`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct HandedRun {
    pub(super) driver: config::ProcessDriver,
    /// As configured.
    pub(super) upstream: Option<String>,
    /// It has answered.
    pub(super) ready: bool,
    /// The idle clock does not count from before this, in nanoseconds.
    pub(super) floor: u64,
    /// For the driver.
    pub(super) papers: String,
}

/// Work in progress.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct HandedWork {
    /// Identifies it: see [`Key`]. Both sides number scopes alike if they are of the same version.
    scope: u64,
    id: u64,
    /// The rule that recognised it.
    rule: String,
    /// A page began it by itself, not a person.
    by_page: bool,
    /// Since when, in nanoseconds.
    since: u64,
    /// It counts as over when it has not been seen for this long.
    lapse: Option<Duration>,
}

impl HandedWork {
    /// The work that a sign reports; `None` = it ends with a connection.
    pub(super) fn of((since, sign): (Nanos, Sign)) -> Option<HandedWork> {
        let Sign::Began { key: Key { scope: Scope::Named(scope), id }, rule, by, lapse, .. } = sign
        else {
            return None;
        };
        let by_page = by != By::Person;
        Some(HandedWork { scope, id, rule: rule.to_string(), by_page, since: since.0, lapse })
    }

    /// Since when, and the sign that reports it.
    pub(super) fn sign(self) -> (Nanos, Sign) {
        let HandedWork { scope, id, rule, by_page, since, lapse } = self;
        let by = if by_page { By::Page } else { By::Person };
        let key = Key { scope: Scope::Named(scope), id };
        let began = Sign::Began { key, rule: rule.into(), by, after: Duration::ZERO, lapse };
        (Nanos(since), began)
    }
}
