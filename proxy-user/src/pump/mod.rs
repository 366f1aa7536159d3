//! The pump: moves the bytes of one session both ways, through the parser of each direction, until
//! both are over or a cause ends it.
//!
//! No buffer is held while nothing flows, no byte is read before what was read earlier is written,
//! and nothing is put anywhere but between two frames. A burst costs one read and one write.

mod buffer;
mod closing;
mod flow;
mod frames;
mod heartbeats;
mod inserts;
mod inspection;
mod observer;
mod pings;
mod random;
mod registered;
mod run;
mod session_observer;
mod socket;
mod thread;
mod transport;
mod waker;

use std::fmt::{Debug, Display};
use std::net::TcpStream;
use std::task::Poll;

use bytes::Bytes;

use self::flow::{Flow, FlowEvent};
use self::inspection::HeartbeatAction;
pub use self::inspection::Inspection;
use self::pings::PingPayloads;
use self::random::masking_key;
use self::registered::Registered;
use self::session_observer::SessionObserver;
use self::socket::Socket;
pub use self::thread::Pumps;
use self::thread::Round;
pub use self::waker::SessionWaker;
use crate::core::closing::{Closing, ClosingEvent, Step};
use crate::core::ending::{Cause, Reap};
use crate::core::frame::{Opcode, Rules, Violation, own_frame};
use crate::core::heartbeat::MOST_OWED;
use crate::core::side::{PerSide, Side};
use crate::core::time::Nanos;
use crate::session::{Registry, Seat, Session};

/// One leg's socket as the handshake left it.
#[derive(Debug)]
pub struct End {
    /// The socket, which must be non-blocking.
    pub stream: TcpStream,
    /// Bytes read from it after the handshake.
    pub early: Bytes,
}

/// What holds for the frames of both directions.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Reserved bits that the negotiated extensions may set.
    pub rsv: u8,
    /// Largest payload of one frame in bytes.
    pub max_frame: u64,
}

/// What of a session counts as activity.
#[derive(Debug)]
pub struct Counting {
    /// Where messages are not judged: the app's frames count too.
    pub counts_output: bool,
    /// What messages are judged by; `None` = frames are told apart by their opcode.
    pub inspection: Option<Box<Inspection>>,
}

/// Where a session lives, and who hears of its end.
pub trait SessionHost: Debug + Send + 'static {
    /// The sessions that live there.
    fn registry(&self) -> &Registry;

    /// A session is over, if not because both sides had closed. It is closed next.
    fn ended(&self, session: &Session, cause: Cause);
}

/// A session that lives.
#[derive(Debug)]
struct Pump<H: SessionHost> {
    /// Before the sockets, so that it is dropped before they are closed.
    registered: Registered<H>,
    sockets: PerSide<Socket>,
    /// What comes from each side.
    flows: PerSide<Flow>,
    seats: (Seat, Seat),
    /// Of the pings to each side.
    ping_payloads: PerSide<PingPayloads>,
    inspection: Option<Box<Inspection>>,
    counts_output: bool,
    closing: Closing,
}

impl<H: SessionHost> Pump<H> {
    fn new(
        registered: Registered<H>,
        seats: (Seat, Seat),
        ends: PerSide<End>,
        limits: Limits,
        counting: Counting,
    ) -> Pump<H> {
        let Counting { counts_output, mut inspection } = counting;
        if let Some(inspection) = &mut inspection {
            inspection.for_session(&registered.session);
        }
        let rules = |masked| Rules { masked, rsv: limits.rsv, max_frame: limits.max_frame };
        Pump {
            registered,
            flows: PerSide {
                client: Flow::new(rules(true), &ends.client.early),
                app: Flow::new(rules(false), &ends.app.early),
            },
            sockets: ends.map(|end| Socket::new(end.stream)),
            seats,
            inspection,
            counts_output,
            closing: Closing::default(),
            ping_payloads: PerSide::default(),
        }
    }

    /// Does what others ask of the session. Ready when one of them has ended it.
    fn poll_called(&mut self) -> Poll<Option<Cause>> {
        if let Some(cause) = self.registered.session.ended() {
            return Poll::Ready(Some(cause));
        }
        if self.registered.session.take_pinging() {
            self.ping();
        }
        Poll::Pending
    }

    /// Moves bytes from these sides until nothing more can be moved in this turn and, if something comes
    /// of it, from the other. Ready when the session is over: with a cause that somebody must be told
    /// of, or without one when both sides have closed.
    fn poll(&mut self, round: Round<'_>, mut sides: &[Side]) -> Poll<Option<Cause>> {
        loop {
            let mut quiet = true;
            for &side in sides {
                while let Poll::Ready(event) = self.poll_flow(round, side) {
                    if let Poll::Ready(over) = self.react(side, event) {
                        return Poll::Ready(over);
                    }
                    quiet = false;
                }
            }
            match self.poll_heartbeats(round.now) {
                Poll::Ready(Some(end)) => return Poll::Ready(end),
                Poll::Pending if quiet => return Poll::Pending,
                Poll::Ready(None) | Poll::Pending => sides = &Side::BOTH,
            }
        }
    }

    /// Puts in the pings that were asked for.
    fn ping(&mut self) {
        let session = &self.registered.session;
        for (to, leg) in session.legs.iter() {
            let flow = &mut self.flows[to.other()];
            if leg.pings.waits() && !flow.pings() {
                let payload = self.ping_payloads[to].next(session.id);
                let key = (to == Side::App).then(|| masking_key(session.id));
                flow.ping(&own_frame(Opcode::Ping, &payload, key));
            }
        }
    }

    /// Does what the session's heartbeats want. Ready when there was something: with the end of the
    /// session, or with frames put in that want to be written.
    fn poll_heartbeats(&mut self, now: Nanos) -> Poll<Option<Option<Cause>>> {
        let action = self.inspection.as_mut().and_then(|inspection| inspection.action(now));
        let Some(action) = action else { return Poll::Pending };
        let (cause, detail) = match action {
            HeartbeatAction::Answer(frame, times) => {
                if self.flows.app.insert_messages(&frame, times, MOST_OWED) {
                    return Poll::Ready(None);
                }
                (Cause::HeartbeatFlood, "more heartbeats than answers that it takes")
            }
            HeartbeatAction::ToApp(ping) => {
                self.flows.client.insert_control(&ping);
                return Poll::Ready(None);
            }
            HeartbeatAction::End => (Cause::AckTimeout, "no answer to a heartbeat"),
        };
        self.end(cause, &detail).map(Some)
    }

    fn poll_flow(&mut self, round: Round<'_>, side: Side) -> Poll<FlowEvent> {
        let session = &*self.registered.session;
        let (from, to) = self.sockets.split_mut(side);
        let (from_leg, to_leg) = (&session.legs[side], &session.legs[side.other()]);
        let mut session_observer = SessionObserver {
            session,
            leg: from_leg,
            now: round.now,
            workspace: round.workspace,
            direction: side.direction(),
            inspection: &mut self.inspection,
            counts_output: self.counts_output,
            ping_payloads: &self.ping_payloads[side],
            length: 0,
        };
        let flow = &mut self.flows[side];
        let polled = flow.poll((from, from_leg), (to, to_leg), &mut session_observer);
        if flow.closed() {
            session.note_close();
            self.closing.on(ClosingEvent::Close(side));
        }
        polled
    }

    fn react(&mut self, side: Side, event: FlowEvent) -> Poll<Option<Cause>> {
        let flow = &self.flows[side];
        let (event, detail): (_, &dyn Display) = match &event {
            FlowEvent::Violation(found) => {
                let too_big = matches!(found, Violation::TooBig { .. });
                let cause = if too_big { Cause::TooBig } else { Cause::Violation };
                return self.end(cause, found);
            }
            FlowEvent::Eof => {
                (ClosingEvent::Fin { side, cut: !flow.at_boundary() }, &"end of stream")
            }
            FlowEvent::ReadFailed(error) => (ClosingEvent::Broken(side), error),
            FlowEvent::WriteFailed => (ClosingEvent::Deaf(side.other()), &"it takes no more"),
            FlowEvent::Ended => (ClosingEvent::Finished(side.other()), &"end of stream"),
            FlowEvent::Discarded => return Poll::Pending,
        };
        match self.closing.on(event) {
            Step::Fin(to) => self.flows[to.other()].finish(),
            Step::End(cause) => return self.end(cause, detail),
            // Legs are reset when the session has ended.
            Step::Rest | Step::Reset(_) => {}
        }
        if self.closing.over() { Poll::Ready(None) } else { Poll::Pending }
    }

    /// Ends the session for `cause`, unless another came first.
    fn end(&self, cause: Cause, detail: &dyn Display) -> Poll<Option<Cause>> {
        let session = &self.registered.session;
        let (app, id) = (&session.app.name, session.id);
        if session.end(cause) {
            match cause.reap() {
                Some(Reap { leg, reason }) => {
                    let leg = leg.as_str();
                    tracing::info!(app, session = id, leg, reason, ?cause, %detail, "reaped");
                }
                None => tracing::debug!(app, session = id, ?cause, %detail, "ends"),
            }
        }
        Poll::Ready(session.ended())
    }
}
