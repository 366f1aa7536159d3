//! The drain: what happens between SIGTERM and the end of the last session.
//!
//! `core::drain` says how many sessions are to be told when; how each is told is the pump's business.

use std::time::Duration;

use super::Server;
use crate::clock;
use crate::core::drain::Drain;
use crate::core::ending::Cause;
use crate::serving::{Phase, Serving};

/// Time between two looks at what is due.
const LOOK: Duration = Duration::from_millis(50);
/// How long addresses that were handed over are kept. New connections go to the other process; those
/// that were being opened may still end up here, and would be reset. A SYN-ACK that was lost is sent
/// again after 1 and 3 seconds (`TCP_TIMEOUT_INIT`, doubled).
const HANDED_OVER: Duration = Duration::from_secs(4);

impl Server {
    /// No new sessions; returns when all that live have been told to go, or have ended by themselves.
    pub(super) async fn drain(&mut self) {
        let serving = &self.proxy.serving;
        let time = serving.config().drain;
        serving.phase.send_replace(Phase::Draining);
        let shared = self.doors.are_shared() || self.admin_doors.are_shared();
        tracing::info!(sessions = serving.registry.len(), ?time, handed_over = shared, "draining");
        if self.doors.are_passed() {
            // Whoever connects from here on waits for the next process.
            self.doors.close().await;
        }
        let start = clock::now();
        let least = if shared { HANDED_OVER } else { Duration::ZERO };
        let mut schedule = Drain::new(start, time);
        loop {
            tell(serving, &mut schedule);
            let gone = clock::elapsed(start);
            let done = serving.registry.is_empty() && self.proxy.connections.is_empty();
            if gone >= least && (done || gone >= time) {
                break;
            }
            tokio::time::sleep(LOOK).await;
        }
        // In this order: a handshake that ends from here on sees the phase and tells its session.
        serving.phase.send_replace(Phase::Closing);
        serving.registry.each(|watched| {
            watched.session.end(Cause::Shutdown);
        });
    }
}

/// Tells those sessions that are due, in the order in which they were opened.
fn tell(serving: &Serving, schedule: &mut Drain) {
    let mut live = 0;
    serving.registry.each(|watched| live += usize::from(watched.session.ended().is_none()));
    let mut due = schedule.due(clock::now(), live);
    if due > 0 {
        serving.registry.each(|watched| {
            if due > 0 && watched.session.end(Cause::Shutdown) {
                due -= 1;
            }
        });
    }
}
