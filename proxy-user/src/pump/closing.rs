//! The last words of a session: does what `core::closing` orders, and says what comes of it.

use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::net::TcpStream;

use super::flow::{self, Flow};
use super::random::masking_key;
use super::witness::Blind;
use crate::clock;
use crate::core::closing::{Closing, Event, Order, Side, Step};
use crate::core::ending::Cause;
use crate::core::frame::close_frame;
use crate::session::{Leg, Session};

/// How long a leg may take to accept its last words, to answer and to close its side (RFC 6455
/// section 7.1.1: "a reasonable time period").
const FAREWELL: Duration = Duration::from_secs(5);

/// A session that has ended for a cause, and whose legs have not all come to their end.
pub(super) struct Farewell<'a> {
    session: &'a Session,
    machine: Closing,
    /// `None` = reset.
    client: Option<TcpStream>,
    upstream: Option<TcpStream>,
    /// Client to app.
    up: Flow,
    /// App to client.
    down: Flow,
}

/// Takes a last account of a leg and gives its row back. Must come before its socket is closed,
/// whose descriptor number the next connection may get.
pub(super) fn release(session: &Session, leg: &Leg) {
    // A socket that cannot be asked leaves what its row says.
    let _ = leg.socket.confirm(clock::now());
    session.settle();
    leg.socket.release();
}

impl<'a> Farewell<'a> {
    /// Each leg with the flow that reads from it.
    pub(super) fn new(
        session: &'a Session,
        machine: Closing,
        (client, up): (TcpStream, Flow),
        (upstream, down): (TcpStream, Flow),
    ) -> Farewell<'a> {
        let (client, upstream) = (Some(client), Some(upstream));
        Farewell { session, machine, client, upstream, up, down }
    }

    /// Tells both legs and closes them.
    pub(super) async fn say(mut self, cause: Cause) {
        let (client, app) = self.machine.end(cause);
        self.obey(Side::Client, client);
        self.obey(Side::App, app);
        if tokio::time::timeout(FAREWELL, poll_fn(|cx| self.poll(cx))).await.is_err() {
            let (client, app) = self.machine.late();
            self.obey(Side::Client, client);
            self.obey(Side::App, app);
        }
        for side in [Side::Client, Side::App] {
            self.close(side, false);
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while !self.machine.over() {
            let client = self.poll_from(cx, Side::Client);
            let app = self.poll_from(cx, Side::App);
            if client.is_pending() && app.is_pending() {
                return Poll::Pending;
            }
        }
        Poll::Ready(())
    }

    /// Moves what this side still has to say, and hears its answer. Ready when something happened.
    fn poll_from(&mut self, cx: &mut Context<'_>, side: Side) -> Poll<()> {
        let session = self.session;
        let client = self.client.as_mut().map(|stream| (stream, &session.client));
        let upstream = self.upstream.as_mut().map(|stream| (stream, &session.upstream));
        let (flow, from, to) = match side {
            Side::Client => (&mut self.up, client, upstream),
            Side::App => (&mut self.down, upstream, client),
        };
        let polled = flow.poll_out(cx, from, to, &mut Blind);
        // It may come in one read with what still passes, and nothing behind it.
        let answered = flow.heard_close() && self.happened(Event::Close(side));
        let Poll::Ready(event) = polled else {
            return if answered { Poll::Ready(()) } else { Poll::Pending };
        };
        match event {
            // What it has begun stays unfinished, and nothing can be put behind it.
            flow::Event::Eof => {
                flow_from(&mut self.up, &mut self.down, side).finish();
                self.happened(Event::Fin { side, cut: false });
            }
            flow::Event::ReadFailed(_) => {
                flow_from(&mut self.up, &mut self.down, side).finish();
                self.happened(Event::Broken(side));
            }
            flow::Event::Violation(_) | flow::Event::Heard => {}
            flow::Event::Ended => {
                self.happened(Event::Finished(side.other()));
            }
            flow::Event::WriteFailed => {
                self.happened(Event::Deaf(side.other()));
            }
        }
        Poll::Ready(())
    }

    /// True when something was to be done.
    fn happened(&mut self, event: Event) -> bool {
        match self.machine.on(event) {
            Step::Fin(side) => self.flow_to(side).release_fin(),
            Step::Reset(side) => self.close(side, true),
            // It has ended already.
            Step::Rest | Step::End(_) => return false,
        }
        true
    }

    fn obey(&mut self, side: Side, order: Order) {
        let mask = (side == Side::App).then(|| masking_key(self.session.id));
        let close = |code, reason| close_frame(code, reason, mask).into();
        match order {
            Order::Rest => {}
            Order::Close(code, reason) => self.flow_to(side).close(close(code, reason), true),
            Order::CloseAndFin(code, reason) => {
                self.flow_to(side).close(close(code, reason), false);
            }
            Order::Fin => self.flow_to(side).close(bytes::Bytes::new(), false),
            Order::Reset => self.close(side, true),
        }
    }

    fn flow_to(&mut self, side: Side) -> &mut Flow {
        flow_from(&mut self.up, &mut self.down, side.other())
    }

    /// Closes a leg that is open. With `reset` it gets RST, and the kernel frees what is queued.
    fn close(&mut self, side: Side, reset: bool) {
        let (stream, leg) = match side {
            Side::Client => (self.client.take(), &self.session.client),
            Side::App => (self.upstream.take(), &self.session.upstream),
        };
        let Some(stream) = stream else { return };
        if reset {
            // Closing with linger 0 sends RST (tcp_close in net/ipv4/tcp.c). A socket that refuses
            // the option is gone already.
            let _ = stream.set_zero_linger();
        }
        release(self.session, leg);
        drop(stream);
    }
}

fn flow_from<'a>(up: &'a mut Flow, down: &'a mut Flow, side: Side) -> &'a mut Flow {
    match side {
        Side::Client => up,
        Side::App => down,
    }
}
