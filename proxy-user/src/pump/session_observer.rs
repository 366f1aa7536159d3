//! What a session records about the frames of one direction.

use super::inspection::Inspection;
use super::observer::FrameObserver;
use super::pings::PingPayloads;
use crate::clock;
use crate::core::decoder::Workspace;
use crate::core::frame::{Chunk, Opcode};
use crate::core::gate::Reason;
use crate::core::heartbeat::Fate;
use crate::core::side::{Direction, Side};
use crate::core::time::Nanos;
use crate::session::{Counts, Leg, Session};

/// Records the frames of one direction.
pub(super) struct SessionObserver<'a> {
    pub(super) session: &'a Session,
    pub(super) leg: &'a Leg,
    pub(super) now: Nanos,
    pub(super) workspace: &'a Workspace,
    pub(super) direction: Direction,
    pub(super) inspection: &'a mut Option<Box<Inspection>>,
    pub(super) counts_output: bool,
    /// Payloads of the pings sent to where these frames come from.
    pub(super) ping_payloads: &'a PingPayloads,
    /// Payload length of the newest data frame in bytes.
    pub(super) length: u64,
}

impl FrameObserver for SessionObserver<'_> {
    #[inline]
    fn chunk(&mut self, chunk: &Chunk, payload: &[u8]) -> Fate {
        if let Some(newest) = self.ping_payloads.pong(chunk, payload) {
            self.leg.pings.pong(newest, clock::now());
            return Fate::Swallow;
        }
        if let Some(header) = chunk.header.filter(|header| !header.start.opcode.is_control()) {
            self.length = header.length;
        }
        let Some(inspection) = self.inspection else { return Fate::Pass };
        inspection.chunk(self.session, self.workspace, self.now, self.direction, chunk, payload)
    }

    fn burst(&mut self, mut burst: Counts, message: Opcode) {
        let (reason, from, counts) = match self.direction {
            Direction::Input => (Reason::Input, Side::Client, true),
            Direction::Output => (Reason::Output, Side::App, self.counts_output),
        };
        let (app, now) = (&self.session.app, self.now);
        let inspection = self.inspection.as_mut();
        match inspection.and_then(|inspection| inspection.take_judged(self.direction)) {
            Some(judged) => {
                burst.activity = judged.activity.into();
                burst.uncounted = judged.uncounted.into();
                burst.heartbeat = judged.heartbeat.into();
                burst.data = burst.data.saturating_sub(burst.heartbeat);
            }
            None if counts && burst.data > 0 => {
                burst.activity = burst.data;
                app.account.counted(now, self.session.id, reason, None, message, self.length);
            }
            None => burst.uncounted = burst.data,
        }
        if burst.activity > 0 {
            app.gate.touch(now, reason);
            self.session.active(now, from);
        }
        if burst.uncounted > 0 {
            app.account.uncounted(now, reason);
        }
        self.leg.frames.add(burst);
    }
}
