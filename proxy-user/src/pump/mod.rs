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
mod pings;
mod random;
mod witness;

use std::fmt::Display;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::net::TcpStream;

use self::closing::Farewell;
use self::flow::{Event, Flow};
use self::inspection::Errand;
pub use self::inspection::Inspection;
use self::pings::Marks;
use self::random::masking_key;
use self::witness::Witness;
use crate::clock;
use crate::core::closing::{self as end, Closing, Side, Step};
use crate::core::ending::{Cause, Reap};
use crate::core::frame::{Chunk, Opcode, Rules, Violation, own_frame};
use crate::core::gate::Reason;
use crate::core::heartbeat::Fate;
use crate::core::pack::Direction;
use crate::core::time::Nanos;
use crate::session::{Counts, Leg, Registry, Seat, Session};

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

/// What of a session counts as activity.
#[derive(Debug)]
pub struct Counting {
    /// Where messages are not judged: the app's frames count too.
    pub counts_output: bool,
    /// What messages are judged by; `None` = frames are told apart by their opcode.
    pub inspection: Option<Box<Inspection>>,
}

/// Where a session lives, and who hears of its end.
pub trait Home: Send + Unpin {
    /// The sessions that live there.
    fn registry(&self) -> &Registry;

    /// A session is over, if not because both sides had closed. Its last farewells follow.
    fn ended(&self, session: &Session, cause: Cause);
}

struct Pump<H: Home> {
    /// Before the sockets, so that it is dropped before they are closed.
    registered: Registered<H>,
    client: TcpStream,
    upstream: TcpStream,
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
    /// Which direction the next poll looks at first: a busy one uses up what a task may do in one
    /// go (tokio's cooperative budget), and must not starve the other.
    first: Direction,
}

/// Runs a registered session to its end: both legs are closed and their rows released when the future
/// is ready. The seats are given back as soon as the session is over.
pub fn run(
    session: Arc<Session>,
    home: impl Home + 'static,
    seats: (Seat, Seat),
    (client, upstream): (End, End),
    limits: Limits,
    counting: Counting,
) -> impl Future<Output = ()> + Send {
    let Counting { counts_output, mut inspection } = counting;
    if let Some(inspection) = &mut inspection {
        inspection.for_session(session.id);
    }
    let rules = |masked| Rules { masked, rsv: limits.rsv, max_frame: limits.max_frame };
    Run::Live(Pump {
        registered: Registered { session, home },
        client: client.stream,
        upstream: upstream.stream,
        up: Flow::new(rules(true), &client.early),
        down: Flow::new(rules(false), &upstream.early),
        seats,
        inspection,
        counts_output,
        closing: Closing::default(),
        first: Direction::Input,
        marks: Default::default(),
    })
}

/// The future of a session: by hand, as there is one for each, and an `async` block has more room than
/// what it runs.
#[allow(clippy::large_enum_variant, reason = "it is live nearly all of its life")]
enum Run<H: Home> {
    Live(Pump<H>),
    /// Boxed, so that a live session does not carry the room for its end.
    Parting(Pin<Box<dyn Future<Output = ()> + Send>>),
    Over,
}

impl<H: Home + 'static> Future for Run<H> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let run = self.get_mut();
        if let Run::Live(pump) = run {
            let cause = ready!(pump.poll(cx));
            if let Run::Live(pump) = std::mem::replace(run, Run::Over) {
                *run = Run::Parting(Box::pin(pump.part(cause)));
            }
        }
        match run {
            Run::Parting(last) => last.as_mut().poll(cx),
            Run::Live(_) | Run::Over => Poll::Ready(()),
        }
    }
}

/// Takes the session out of the registry and gives its rows back, even if the pump panics.
struct Registered<H: Home> {
    session: Arc<Session>,
    home: H,
}

impl<H: Home> Drop for Registered<H> {
    fn drop(&mut self) {
        self.home.registry().remove(&self.session);
        self.session.client.socket.release();
        self.session.upstream.socket.release();
    }
}

/// Notes what goes by in one direction.
struct Watcher<'a> {
    session: &'a Session,
    leg: &'a Leg,
    now: Nanos,
    direction: Direction,
    inspection: &'a mut Option<Box<Inspection>>,
    counts_output: bool,
    /// Of the pings to where this comes from.
    marks: &'a Marks,
    /// The newest data frame.
    frame: (Opcode, u64),
}

impl Witness for Watcher<'_> {
    #[inline]
    fn chunk(&mut self, chunk: &Chunk, payload: &[u8]) -> Fate {
        if let Some(newest) = self.marks.pong(chunk, payload) {
            self.leg.pings.pong(newest, clock::now());
            return Fate::Swallow;
        }
        let Some(inspection) = self.inspection else {
            if let Some(header) = chunk.header {
                self.frame = (header.start.opcode, header.length);
            }
            return Fate::Pass;
        };
        inspection.chunk(&self.session.app, self.now, self.direction, chunk, payload)
    }

    fn burst(&mut self, mut burst: Counts) {
        let (reason, counts) = match self.direction {
            Direction::Input => (Reason::Input, true),
            Direction::Output => (Reason::Output, self.counts_output),
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
                let (opcode, length) = self.frame;
                app.account.counted(now, self.session.id, reason, None, opcode, length);
            }
            None => burst.uncounted = burst.data,
        }
        if burst.activity > 0 {
            app.gate.touch(now, reason);
        }
        if burst.uncounted > 0 {
            app.account.uncounted(now, reason);
        }
        self.leg.frames.add(burst);
    }
}

/// Where this direction comes from.
fn source(direction: Direction) -> Side {
    match direction {
        Direction::Input => Side::Client,
        Direction::Output => Side::App,
    }
}

/// The direction against this one.
fn opposite(direction: Direction) -> Direction {
    match direction {
        Direction::Input => Direction::Output,
        Direction::Output => Direction::Input,
    }
}

impl<H: Home> Pump<H> {
    /// Ready when the session is over: with a cause that somebody must be told of, or without one
    /// when both sides have closed.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Cause>> {
        if let Poll::Ready(cause) = self.registered.session.poll_ended(cx) {
            return Poll::Ready(Some(cause));
        }
        if self.registered.session.take_pinging() {
            self.ping();
        }
        let now = clock::coarse();
        let first = self.first;
        self.first = opposite(first);
        loop {
            for direction in [first, opposite(first)] {
                while let Poll::Ready(event) = self.poll_flow(cx, now, direction) {
                    if let Poll::Ready(over) = self.react(direction, event) {
                        return Poll::Ready(over);
                    }
                }
            }
            match self.poll_errands(cx, now) {
                Poll::Ready(Some(end)) => return Poll::Ready(end),
                Poll::Ready(None) => {}
                Poll::Pending => return Poll::Pending,
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
    fn poll_errands(&mut self, cx: &mut Context<'_>, now: Nanos) -> Poll<Option<Option<Cause>>> {
        let Some(inspection) = &mut self.inspection else { return Poll::Pending };
        Poll::Ready(match ready!(inspection.poll_heartbeats(cx, now)) {
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

    fn poll_flow(&mut self, cx: &mut Context<'_>, now: Nanos, direction: Direction) -> Poll<Event> {
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
        let polled = flow.poll(cx, from, to, &mut watcher);
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

    /// Takes the session out of the table, and says what is to be said.
    async fn part(self, cause: Option<Cause>) {
        let Pump { registered, client, upstream, up, down, seats, closing, .. } = self;
        let Registered { session, home } = &registered;
        home.registry().remove(session);
        drop(seats);
        match cause {
            Some(cause) => {
                home.ended(session, cause);
                Farewell::new(session, closing, (client, up), (upstream, down)).say(cause).await;
            }
            None => {
                closing::release(session, &session.client);
                closing::release(session, &session.upstream);
            }
        }
    }
}
