//! The state of an app as reported to its waiting pages.

use serde::Serialize;

use crate::config;
use crate::core::lifecycle::{State, Step};
use crate::core::time::Nanos;
use crate::session::Status;

/// What a page receives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Progress<'a> {
    /// See [`crate::config::PageValues`].
    pub(super) state: &'static str,
    /// Why the app failed, in detail if visitors may see it; otherwise empty.
    pub(super) reason: &'a str,
    /// The app's last output, if it failed and visitors may see it; otherwise empty.
    pub(super) output: String,
    /// Whole seconds in this state.
    pub(super) elapsed: u64,
    /// The number of people ahead in the queue, if all seats are taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ahead: Option<usize>,
}

impl Progress<'_> {
    pub(super) fn of<'a>(status: &'a Status, config: &config::App, now: Nanos) -> Progress<'a> {
        let state = match status.state {
            State::Running | State::Suspending(Step::Probing { .. } | Step::Closing { .. }) => {
                "running"
            }
            // It will be started once it is down.
            State::Starting | State::Suspending(Step::Stopping { wanted: true, .. }) => "starting",
            State::Suspending(Step::Stopping { wanted: false, .. }) | State::Suspended => {
                "suspended"
            }
            State::Failed { .. } => "failed",
            State::Disabled => "disabled",
        };
        // The output may hold anything.
        let failure = status.failure.as_ref().filter(|_| state == "failed");
        let (reason, output) = match failure {
            Some(failure) if config.show_output => (&*failure.why, failure.output.join("\n")),
            Some(failure) => (&*failure.public, String::new()),
            None => ("", String::new()),
        };
        Progress { state, reason, output, elapsed: status.elapsed(now).as_secs(), ahead: None }
    }

    /// The app runs but has no free seat. `elapsed`: how long the page has waited for one, in seconds.
    pub(super) fn full(ahead: usize, elapsed: u64) -> Progress<'static> {
        Progress { state: "full", reason: "", output: String::new(), elapsed, ahead: Some(ahead) }
    }

    /// Whether the page can open the app.
    pub(super) fn is_ready(&self) -> bool {
        self.state == "running"
    }

    /// The `X-Ebbtide-Reason` for this state.
    pub(super) fn page_reason(&self) -> &'static str {
        match self.state {
            "failed" => "app-failed",
            "disabled" => "app-disabled",
            "suspended" => "app-suspended",
            "full" => "full",
            _ => "app-starting",
        }
    }

    pub(super) fn json(&self) -> String {
        // Strings and numbers alone cannot fail to serialize.
        serde_json::to_string(self).unwrap_or_default()
    }
}
