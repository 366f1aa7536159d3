//! The pump: moves the bytes of one session both ways, through the parser of each direction, until
//! both are over or a cause ends it.
//!
//! No buffer is held while nothing flows, no byte is read before what was read earlier is written,
//! and nothing is put anywhere but between two frames. A burst costs one read and one write.

mod bell;
mod buffer;
mod closing;
mod flow;
mod frames;
mod heartbeats;
mod inserts;
mod inspection;
mod pings;
mod random;
mod registered;
mod run;
mod socket;
mod thread;
mod watcher;
mod witness;

use std::fmt::{Debug, Display};
use std::net::TcpStream;
use std::task::Poll;

use bytes::Bytes;

pub use self::bell::Bell;
use self::flow::{Event, Flow};
use self::inspection::Errand;
pub use self::inspection::Inspection;
use self::pings::Marks;
use self::random::masking_key;
use self::registered::Registered;
use self::socket::Socket;
pub use self::thread::Pumps;
use self::watcher::Watcher;
use crate::core::closing::{self as end, Closing, Side, Step};
use crate::core::ending::{Cause, Reap};
use crate::core::frame::{Opcode, Rules, Violation, own_frame};
use crate::core::pack::Direction;
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
pub trait Home: Debug + Send + 'static {
    /// The sessions that live there.
    fn registry(&self) -> &Registry;

    /// A session is over, if not because both sides had closed. Its last farewells follow.
    fn ended(&self, session: &Session, cause: Cause);
}

const INPUT: &[Direction] = &[Direction::Input];
const OUTPUT: &[Direction] = &[Direction::Output];
const BOTH: &[Direction] = &[Direction::Input, Direction::Output];

/// A session that lives.
#[derive(Debug)]
struct Pump<H: Home> {
    /// Before the sockets, so that it is dropped before they are closed.
    registered: Registered<H>,
    client: Socket,
    upstream: Socket,
    /// Client to app.
    up: Flow,
    /// App to client.
    down: Flow,
    seats: (Seat, Seat),
    /// Of the pings to the client and to the app.
    marks: (Marks, Marks),
    inspection: Option<Box<Inspection>>,
    counts_output: bool,
    closing: Closing,
}

/// Where this direction comes from.
fn source(direction: Direction) -> Side {
    match direction {
        Direction::Input => Side::Client,
        Direction::Output => Side::App,
    }
}

impl<H: Home> Pump<H> {
    fn new(
        registered: Registered<H>,
        seats: (Seat, Seat),
        (client, upstream): (End, End),
        limits: Limits,
        counting: Counting,
    ) -> Pump<H> {
        let Counting { counts_output, mut inspection } = counting;
        if let Some(inspection) = &mut inspection {
            inspection.for_session(registered.session.id);
        }
        let rules = |masked| Rules { masked, rsv: limits.rsv, max_frame: limits.max_frame };
        Pump {
            registered,
            client: Socket::new(client.stream),
            upstream: Socket::new(upstream.stream),
            up: Flow::new(rules(true), &client.early),
            down: Flow::new(rules(false), &upstream.early),
            seats,
            inspection,
            counts_output,
            closing: Closing::default(),
            marks: Default::default(),
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

    /// Moves bytes until nothing more can be moved in this turn, in these directions and, if something
    /// comes of it, in the other. Ready when the session is over: with a cause that somebody must be told
    /// of, or without one when both sides have closed.
    fn poll(&mut self, now: Nanos, mut directions: &[Direction]) -> Poll<Option<Cause>> {
        loop {
            let mut quiet = true;
            for &direction in directions {
                while let Poll::Ready(event) = self.poll_flow(now, direction) {
                    if let Poll::Ready(over) = self.react(direction, event) {
                        return Poll::Ready(over);
                    }
                    quiet = false;
                }
            }
            match self.poll_errands(now) {
                Poll::Ready(Some(end)) => return Poll::Ready(end),
                Poll::Pending if quiet => return Poll::Pending,
                Poll::Ready(None) | Poll::Pending => directions = BOTH,
            }
        }
    }

    /// Puts in the pings that were asked for.
    fn ping(&mut self) {
        let Session { id, client, upstream, .. } = &*self.registered.session;
        if client.pings.waits() && !self.down.pings() {
            let payload = self.marks.0.next(*id);
            self.down.ping(&own_frame(Opcode::Ping, &payload, None));
        }
        if upstream.pings.waits() && !self.up.pings() {
            let payload = self.marks.1.next(*id);
            self.up.ping(&own_frame(Opcode::Ping, &payload, Some(masking_key(*id))));
        }
    }

    /// Does what the session's heartbeats want. Ready when there was something: with the end of the
    /// session, or with frames put in that want to be written.
    fn poll_errands(&mut self, now: Nanos) -> Poll<Option<Option<Cause>>> {
        let errand = self.inspection.as_mut().and_then(|inspection| inspection.errand(now));
        let Some(errand) = errand else { return Poll::Pending };
        Poll::Ready(match errand {
            Errand::ToClient(frames) => {
                self.down.insert(&frames);
                None
            }
            Errand::ToApp(frames) => {
                self.up.insert(&frames);
                None
            }
            Errand::End => match self.end(Cause::AckTimeout, &"no answer to a heartbeat") {
                Poll::Ready(cause) => Some(cause),
                Poll::Pending => None,
            },
        })
    }

    fn poll_flow(&mut self, now: Nanos, direction: Direction) -> Poll<Event> {
        let session = &*self.registered.session;
        let client = (&mut self.client, &session.client);
        let upstream = (&mut self.upstream, &session.upstream);
        let (flow, from, to, marks) = match direction {
            Direction::Input => (&mut self.up, client, upstream, &self.marks.0),
            Direction::Output => (&mut self.down, upstream, client, &self.marks.1),
        };
        let mut watcher = Watcher {
            session,
            leg: from.1,
            now,
            direction,
            inspection: &mut self.inspection,
            counts_output: self.counts_output,
            marks,
            frame: (Opcode::Text, 0),
        };
        let polled = flow.poll(from, to, &mut watcher);
        if flow.closed() {
            session.note_close();
            self.closing.on(end::Event::Close(source(direction)));
        }
        polled
    }

    fn react(&mut self, direction: Direction, event: Event) -> Poll<Option<Cause>> {
        let side = source(direction);
        let flow = match side {
            Side::Client => &self.up,
            Side::App => &self.down,
        };
        let (event, detail): (_, &dyn Display) = match &event {
            Event::Violation(found) => {
                let too_big = matches!(found, Violation::TooBig { .. });
                let cause = if too_big { Cause::TooBig } else { Cause::Violation };
                return self.end(cause, found);
            }
            Event::Eof => (end::Event::Fin { side, cut: !flow.at_boundary() }, &"end of stream"),
            Event::ReadFailed(error) => (end::Event::Broken(side), error),
            Event::WriteFailed => (end::Event::Deaf(side.other()), &"it takes no more"),
            Event::Ended => (end::Event::Finished(side.other()), &"end of stream"),
            Event::Heard => return Poll::Pending,
        };
        match self.closing.on(event) {
            Step::Fin(Side::App) => self.up.finish(),
            Step::Fin(Side::Client) => self.down.finish(),
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
                    tracing::info!(app, session = id, leg, reason, ?cause, %detail, "reaped");
                }
                None => tracing::debug!(app, session = id, ?cause, %detail, "ends"),
            }
        }
        Poll::Ready(session.ended())
    }
}
