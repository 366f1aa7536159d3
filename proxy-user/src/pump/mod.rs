//! The pump: moves the bytes of one session both ways, through the parser of each direction, until
//! both are over or a cause ends it.
//!
//! No buffer is held while nothing flows, no byte is read before what was read earlier is written,
//! and nothing is put anywhere but between two frames. A burst costs one read and one write.

mod buffer;
mod closing;
mod flow;
mod inserts;
mod random;
mod witness;

use std::fmt::Display;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::net::TcpStream;

use self::flow::{Event, Flow};
use self::witness::Witness;
use crate::clock;
use crate::config::Count;
use crate::core::ending::Cause;
use crate::core::frame::{Chunk, Rules, Violation, close_frame};
use crate::core::gate::Reason;
use crate::core::heartbeat::Fate;
use crate::core::time::Nanos;
use crate::session::{App, Counts, Leg, Registry, Seat, Session};

/// One leg's socket as the handshake left it.
#[derive(Debug)]
pub struct End {
    /// The socket.
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

struct Pump {
    session: Arc<Session>,
    client: TcpStream,
    upstream: TcpStream,
    /// Client to app.
    up: Flow,
    /// App to client.
    down: Flow,
    count_output: bool,
    /// Which direction the next poll looks at first: a busy one uses up what a task may do in one
    /// go (tokio's cooperative budget), and must not starve the other.
    first: Direction,
}

/// Runs a registered session to its end: both legs are closed and their rows released when this
/// returns. The seats are given back as soon as the session is over, before the last farewells.
pub async fn run(
    session: Arc<Session>,
    registry: Arc<Registry>,
    seats: Vec<Seat>,
    client: End,
    upstream: End,
    limits: Limits,
) {
    let rules = |masked| Rules { masked, rsv: limits.rsv, max_frame: limits.max_frame };
    let mut pump = Pump {
        count_output: session.app.config.count != Count::Input,
        first: Direction::Up,
        session,
        client: client.stream,
        upstream: upstream.stream,
        up: Flow::new(rules(true), client.early),
        down: Flow::new(rules(false), upstream.early),
    };
    let registered = Registered { session: Arc::clone(&pump.session), registry };
    let cause = poll_fn(|cx| pump.poll(cx)).await;
    registered.registry.remove(&pump.session);
    drop(seats);
    let Pump { session, client, upstream, up, down, .. } = pump;
    match cause {
        // Boxed, so that a live session does not carry the room for its end.
        Some(cause) => {
            Box::pin(closing::tell(&session, cause, (client, up), (upstream, down))).await;
        }
        None => {
            closing::release(&session, &session.client);
            closing::release(&session, &session.upstream);
        }
    }
}

/// Takes the session out of the registry and gives its rows back, even if the pump panics. Comes
/// after the pump that owns the sockets, and so is dropped before them.
struct Registered {
    session: Arc<Session>,
    registry: Arc<Registry>,
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.registry.remove(&self.session);
        self.session.client.socket.release();
        self.session.upstream.socket.release();
    }
}

/// Notes what goes by in one direction.
struct Watcher<'a> {
    app: &'a App,
    leg: &'a Leg,
    now: Nanos,
    reason: Reason,
    counts: bool,
}

impl Witness for Watcher<'_> {
    fn chunk(&mut self, _: &Chunk, _: &[u8]) -> Fate {
        Fate::Pass
    }

    fn burst(&mut self, mut burst: Counts) {
        if self.counts && burst.data > 0 {
            burst.activity = burst.data;
            self.app.gate.touch(self.now, self.reason);
        }
        self.leg.frames.add(burst);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    /// Client to app.
    Up,
    /// App to client.
    Down,
}

impl Direction {
    fn other(self) -> Direction {
        match self {
            Direction::Up => Direction::Down,
            Direction::Down => Direction::Up,
        }
    }
}

impl Pump {
    /// Ready when the session is over: with a cause that somebody must be told of, or without one
    /// when both sides have closed.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Cause>> {
        if let Poll::Ready(cause) = self.session.poll_ended(cx) {
            return Poll::Ready(Some(cause));
        }
        let now = clock::coarse();
        let first = self.first;
        self.first = first.other();
        for direction in [first, first.other()] {
            while let Poll::Ready(event) = self.poll_flow(cx, now, direction) {
                if let Poll::Ready(over) = self.react(direction, event) {
                    return Poll::Ready(over);
                }
            }
        }
        Poll::Pending
    }

    fn poll_flow(&mut self, cx: &mut Context<'_>, now: Nanos, direction: Direction) -> Poll<Event> {
        let session = &self.session;
        let client = (&mut self.client, &session.client);
        let upstream = (&mut self.upstream, &session.upstream);
        let (flow, from, to, reason, counts) = match direction {
            Direction::Up => (&mut self.up, client, upstream, Reason::Input, true),
            Direction::Down => {
                (&mut self.down, upstream, client, Reason::Output, self.count_output)
            }
        };
        let mut watcher = Watcher { app: &session.app, leg: from.1, now, reason, counts };
        let polled = flow.poll(cx, Some(from), to, &mut watcher);
        if flow.closed() {
            session.note_close();
        }
        polled
    }

    fn react(&mut self, direction: Direction, event: Event) -> Poll<Option<Cause>> {
        use Direction::{Down, Up};
        match (direction, event) {
            // A socket that refused a write ends like one that was closed.
            (Up, Event::Eof) if self.down.broken() => return self.end(Cause::ClientReset, &"EOF"),
            (Down, Event::Eof) if self.up.broken() => return self.end(Cause::AppReset, &"EOF"),
            (Up, Event::Eof) => self.up.finish(),
            // An app that goes without a word is broken, unless the client went first.
            (Down, Event::Eof) if self.down.takes_close() && !self.client_left() => {
                tracing::info!(app = self.session.app.config.name, "app closed without Close");
                self.down.finish_with(close_frame(1014, "app closed", None).into());
                self.session.note_close();
            }
            (Down, Event::Eof) => self.down.finish(),
            // The other direction goes on: a half-closed peer still reads, and a broken one may
            // have said something before it broke.
            (_, Event::Ended | Event::WriteFailed) if !(self.up.over() && self.down.over()) => {}
            (_, Event::Ended | Event::WriteFailed) => {
                return match (self.up.ended(), self.down.ended()) {
                    (true, true) => Poll::Ready(None),
                    (true, false) => self.end(Cause::ClientReset, &"it takes no more"),
                    (false, _) => self.end(Cause::AppReset, &"it takes no more"),
                };
            }
            (Up, Event::ReadFailed(error)) => return self.end(Cause::ClientReset, &error),
            (Down, Event::ReadFailed(error)) => return self.end(Cause::AppReset, &error),
            (_, Event::Violation(found)) => {
                let too_big = matches!(found, Violation::TooBig { .. });
                let cause = if too_big { Cause::TooBig } else { Cause::Violation };
                return self.end(cause, &found);
            }
        }
        Poll::Pending
    }

    /// The client has said Close or closed its side.
    fn client_left(&self) -> bool {
        self.up.closed() || self.up.ended()
    }

    /// Ends the session for `cause`, unless another came first.
    fn end(&self, cause: Cause, detail: &dyn Display) -> Poll<Option<Cause>> {
        let session = &self.session;
        tracing::debug!(app = session.app.config.name, session = session.id, ?cause, %detail, "ends");
        session.end(cause);
        Poll::Ready(session.ended())
    }
}
