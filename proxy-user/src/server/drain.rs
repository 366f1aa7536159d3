//! The drain: what happens between SIGTERM and the end of the last session.
//!
//! `core::drain` decides when each session is told; the pump tells it.

use std::time::Duration;

use super::Server;
use crate::clock;
use crate::core::drain::Drain;
use crate::core::ending::Cause;
use crate::listen::Doors;
use crate::serving::{Phase, Serving};

/// Time between two checks of the schedule.
const LOOK: Duration = Duration::from_millis(50);
/// How long listening sockets are kept after a takeover. New connections go to the other process, but those
/// whose handshake was in progress may still arrive here, and would be reset. A lost SYN-ACK is sent again
/// after 1 and 3 seconds (`TCP_TIMEOUT_INIT`, doubled).
const HANDED_OVER: Duration = Duration::from_secs(4);

impl Server {
    /// Refuses new sessions; returns when all open ones have been told to go, or have ended by themselves.
    pub(super) async fn drain(&mut self) {
        let serving = &self.proxy.serving;
        let time = serving.config().drain;
        serving.phase.send_replace(Phase::Draining);
        let all = [&self.doors, &self.redirect_doors, &self.admin_doors];
        let shared = all.into_iter().any(Doors::are_shared);
        tracing::info!(sessions = serving.registry.len(), ?time, handed_over = shared, "draining");
        for doors in [&mut self.doors, &mut self.redirect_doors] {
            if doors.are_passed() {
                // From here on, new connections wait for the next process.
                doors.close().await;
            }
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
        // The order matters: a handshake that completes from here on sees the phase and tells its session.
        serving.phase.send_replace(Phase::Closing);
        serving.registry.each(|watched| {
            watched.session.end(Cause::Shutdown);
        });
    }
}

/// Tells the sessions that are due, oldest first.
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
