//! What one Ebbtide tells the next of its apps. Moments are those of the machine's monotonic clock, which both
//! read.

use serde::{Deserialize, Serialize};

use crate::config;

/// In the order in which they go: each app and [`Message::All`] from the old one, [`Message::Take`] from the new
/// one, [`Message::Released`] from the old one.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Message {
    /// An app.
    App(Box<Handed>),
    /// These were all.
    All,
    /// The names of those whose run the new one goes on with. It guards them already.
    Take(Vec<String>),
    /// The old one has let go of them.
    Released,
}

/// An app.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Handed {
    pub(super) name: String,
    /// Its newest activity: when, in nanoseconds, and the word for it.
    pub(super) activity: Option<(u64, String)>,
    /// Its child process, if it has one that runs. Descriptors go with it.
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
