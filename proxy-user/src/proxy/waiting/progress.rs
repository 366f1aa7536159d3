//! The state of an app as reported to its waiting pages.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, stream};
use hyper::body::Frame;
use serde::Serialize;
use tokio::sync::watch;

use crate::clock;
use crate::core::lifecycle::{State, Step};
use crate::core::time::Nanos;
use crate::serving::Phase;
use crate::session::{Seat, Status};

/// Comments keep load balancers from cutting a quiet stream.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// What a page receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Progress<'a> {
    /// See [`crate::config::PageValues`].
    pub(super) state: &'static str,
    /// Why the app failed; otherwise empty.
    pub(super) reason: &'a str,
    /// Whole seconds in this state.
    pub(super) elapsed: u64,
}

impl Progress<'_> {
    pub(super) fn of(status: &Status, now: Nanos) -> Progress<'_> {
        let failure = status.failure.as_ref().map_or("", |failure| &failure.0);
        let (state, reason) = match status.state {
            State::Running | State::Suspending(Step::Probing | Step::Closing { .. }) => {
                ("running", "")
            }
            // It will be started as soon as it is down.
            State::Starting | State::Suspending(Step::Stopping { wanted: true, .. }) => {
                ("starting", "")
            }
            State::Suspending(Step::Stopping { wanted: false, .. }) | State::Suspended => {
                ("suspended", "")
            }
            State::Failed { .. } => ("failed", failure),
            State::Disabled => ("disabled", ""),
        };
        Progress { state, reason, elapsed: status.elapsed(now).as_secs() }
    }

    /// The `X-Ebbtide-Reason` for this state.
    pub(super) fn page_reason(&self) -> &'static str {
        match self.state {
            "failed" => "app-failed",
            "disabled" => "app-disabled",
            "suspended" => "app-suspended",
            _ => "app-starting",
        }
    }

    pub(super) fn json(&self) -> String {
        // Strings, numbers and nothing else: this cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// A client of the event stream.
struct Listener {
    status: watch::Receiver<Status>,
    phase: watch::Receiver<Phase>,
    _place: Seat,
    is_greeted: bool,
    is_over: bool,
}

/// Server-sent events: the current state and each change, until the app runs or the process ends.
pub(super) fn events(
    status: watch::Receiver<Status>,
    phase: watch::Receiver<Phase>,
    place: Seat,
) -> impl Stream<Item = Result<Frame<Bytes>, Infallible>> {
    let listener = Listener { status, phase, _place: place, is_greeted: false, is_over: false };
    stream::unfold(listener, |mut listener| async {
        let text = listener.next().await?;
        Some((Ok(Frame::data(text)), listener))
    })
}

impl Listener {
    async fn next(&mut self) -> Option<Bytes> {
        if self.is_over {
            return None;
        }
        if !std::mem::replace(&mut self.is_greeted, true) {
            return Some(self.event());
        }
        // An error means that the process is ending.
        let leaving = async { _ = self.phase.wait_for(|phase| *phase != Phase::Running).await };
        tokio::select! {
            biased;
            () = leaving => None,
            changed = self.status.changed() => {
                changed.ok()?;
                Some(self.event())
            }
            () = tokio::time::sleep(HEARTBEAT) => Some(Bytes::from_static(b":\n\n")),
        }
    }

    fn event(&mut self) -> Bytes {
        let status = self.status.borrow_and_update().clone();
        let progress = Progress::of(&status, clock::now());
        self.is_over = progress.state == "running";
        format!("data: {}\n\n", progress.json()).into()
    }
}
