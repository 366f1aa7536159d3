//! The pump: moves the bytes of a session in both directions, each through its own frame parser, until both
//! directions have ended or a cause ends the session.
//!
//! A direction holds a buffer only while bytes are in flight. It reads nothing until everything read before
//! has been written, and inserts its own frames only between two frames. A burst costs one read and one
//! write.

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
use crate::session::{AppSeat, Registry, Seat, Session};

/// One leg's socket after the handshake.
#[derive(Debug)]
pub struct End {
    /// The socket, which must be non-blocking.
    pub stream: TcpStream,
    /// The TLS connection on it, if there is one; its handshake is over.
    pub tls: Option<Box<rustls::Connection>>,
    /// Bytes already read after the handshake.
    pub early: Bytes,
}

/// Limits on the frames of both directions.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Reserved bits that the negotiated extensions may set, as the bits 4 = RSV1, 2, 1.
    pub rsv: u8,
    /// Largest allowed payload of one frame in bytes.
    pub max_frame: u64,
}

/// What counts as activity in a session.
#[derive(Debug)]
pub struct Counting {
    /// If messages are not judged: whether the app's frames count too.
    pub counts_output: bool,
    /// How messages are judged; `None` = frames are distinguished by opcode only.
    pub inspection: Option<Box<Inspection>>,
}

/// Where a session is registered, and who is notified of its end.
pub trait SessionHost: Debug + Send + 'static {
    /// The registry of live sessions.
    fn registry(&self) -> &Registry;

    /// The session has ended for this cause, not because both sides closed. Its legs are closed next.
    fn ended(&self, session: &Session, cause: Cause);

    /// The session is over, whatever ended it. Called once.
    fn over(&self, session: &Session);
}

/// A live session.
#[derive(Debug)]
struct Pump<H: SessionHost> {
    /// Before the sockets, so that it is dropped before they are closed.
    registered: Registered<H>,
    sockets: PerSide<Socket>,
    /// The bytes that come from each side.
    flows: PerSide<Flow>,
    /// Boxed, so that all of it fits a size class of the allocator.
    seats: Box<(AppSeat, Seat)>,
    /// Payloads of the pings sent to each side.
    ping_payloads: PerSide<PingPayloads>,
    inspection: Option<Box<Inspection>>,
    counts_output: bool,
    closing: Closing,
}

impl<H: SessionHost> Pump<H> {
    fn new(
        registered: Registered<H>,
        seats: Box<(AppSeat, Seat)>,
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
            sockets: ends.map(Socket::new),
            seats,
            inspection,
            counts_output,
            closing: Closing::default(),
            ping_payloads: PerSide::default(),
        }
    }

    /// Handles requests from other threads. Ready if one of them has ended the session.
    fn poll_called(&mut self) -> Poll<Option<Cause>> {
        if let Some(cause) = self.registered.session.ended() {
            return Poll::Ready(Some(cause));
        }
        if self.registered.session.take_pinging() {
            self.ping();
        }
        Poll::Pending
    }

    /// Moves bytes from these sides until nothing more can be moved in this turn. If that had an effect,
    /// continues with both sides. Ready when the session is over: with a cause if the peers must be told,
    /// with `None` when both sides have closed.
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

    /// Inserts the requested pings.
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

    /// Carries out the next heartbeat action. Ready if there was one: with `Some` if the session is over,
    /// with `None` if frames were inserted and must be written.
    fn poll_heartbeats(&mut self, now: Nanos) -> Poll<Option<Option<Cause>>> {
        let action = self.inspection.as_mut().and_then(|inspection| inspection.action(now));
        let Some(action) = action else { return Poll::Pending };
        let (cause, detail) = match action {
            HeartbeatAction::Answer(frame, times) => {
                if self.flows.app.insert_messages(&frame, times, MOST_OWED) {
                    return Poll::Ready(None);
                }
                (
                    Cause::HeartbeatFlood,
                    "heartbeats arrive faster than the client reads the answers",
                )
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
            session.note_close(side);
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
            FlowEvent::WriteFailed => (ClosingEvent::Deaf(side.other()), &"write failed"),
            FlowEvent::Ended => (ClosingEvent::Finished(side.other()), &"end of stream"),
            FlowEvent::Discarded => return Poll::Pending,
        };
        match self.closing.on(event) {
            Step::Fin(to) => self.flows[to.other()].finish(),
            Step::End(cause) => return self.end(cause, detail),
            // Legs are reset only after the session has ended.
            Step::Rest | Step::Reset(_) => {}
        }
        if self.closing.over() { Poll::Ready(None) } else { Poll::Pending }
    }

    /// Ends the session for `cause`, unless another cause came first.
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
