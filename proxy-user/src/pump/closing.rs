//! The end of a session: carries out the orders of `core::closing` and tells it what happens.

use std::task::Poll;
use std::time::Duration;

use super::SessionHost;
use super::flow::{Flow, FlowEvent};
use super::observer::NoObserver;
use super::random::masking_key;
use super::registered::Registered;
use super::socket::Socket;
use super::thread::Turn;
use crate::clock;
use crate::core::closing::{Closing, ClosingEvent, Order, Step};
use crate::core::ending::Cause;
use crate::core::frame::close_frame;
use crate::core::side::{PerSide, Side};
use crate::core::time::Nanos;
use crate::session::{Leg, Session};

/// How long a leg may take to accept what is left, to answer the Close and to close its side (RFC 6455
/// section 7.1.1: "a reasonable time period").
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// A session that has ended for a cause, while its legs are being closed.
#[derive(Debug)]
pub(super) struct ClosingSession<H: SessionHost> {
    /// Before the sockets, so that it is dropped before they are closed.
    registered: Registered<H>,
    machine: Closing,
    /// `None` = closed.
    sockets: PerSide<Option<Socket>>,
    /// The bytes that come from each side.
    flows: PerSide<Flow>,
    deadline: Nanos,
}

/// Takes a final sample of a leg and releases its row. Call this before closing the socket: the next
/// connection may get the same descriptor number.
pub(super) fn release(session: &Session, leg: &Leg) {
    // If the socket cannot be queried, the row stays as it is.
    let _ = leg.socket.conclude(clock::now());
    session.settle();
    leg.socket.release();
}

impl<H: SessionHost> ClosingSession<H> {
    /// Starts closing both legs for `cause`.
    pub(super) fn new(
        registered: Registered<H>,
        mut machine: Closing,
        sockets: PerSide<Socket>,
        flows: PerSide<Flow>,
        (cause, now): (Cause, Nanos),
    ) -> ClosingSession<H> {
        let orders = machine.end(cause);
        let (sockets, deadline) = (sockets.map(Some), now + CLOSE_TIMEOUT);
        let mut closing_session = ClosingSession { registered, machine, sockets, flows, deadline };
        closing_session.obey(orders);
        closing_session
    }

    /// The socket of a leg, unless it has been closed.
    pub(super) fn socket(&mut self, side: Side) -> Option<&mut Socket> {
        self.sockets[side].as_mut()
    }

    /// Reads and writes what can be read and written now. When it returns `Over`, both legs are closed.
    pub(super) fn turn(&mut self, now: Nanos) -> Turn {
        if self.poll().is_pending() {
            if now < self.deadline {
                let mut sockets = self.sockets.iter().filter_map(|(_, socket)| socket.as_ref());
                let again = sockets.any(Socket::wants_turn);
                return if again { Turn::Again } else { Turn::Wait(Some(self.deadline)) };
            }
            let orders = self.machine.late();
            self.obey(orders);
        }
        for side in Side::BOTH {
            self.close(side, false);
        }
        Turn::Over
    }

    fn poll(&mut self) -> Poll<()> {
        while !self.machine.over() {
            let client = self.poll_from(Side::Client);
            let app = self.poll_from(Side::App);
            if client.is_pending() && app.is_pending() {
                return Poll::Pending;
            }
        }
        Poll::Ready(())
    }

    /// Writes what is still to come from this side, and reads until its Close. Ready if something happened.
    fn poll_from(&mut self, side: Side) -> Poll<()> {
        let session = &self.registered.session;
        let (from, to) = self.sockets.split_mut(side);
        let from = from.as_mut().map(|socket| (socket, &session.legs[side]));
        let to = to.as_mut().map(|socket| (socket, &session.legs[side.other()]));
        let flow = &mut self.flows[side];
        let polled = flow.poll_out(from, to, &mut NoObserver);
        // A Close may arrive in the same read as the frame that is still passed on, with nothing after it.
        let answered = flow.heard_close() && self.happened(ClosingEvent::Close(side));
        let Poll::Ready(event) = polled else {
            return if answered { Poll::Ready(()) } else { Poll::Pending };
        };
        match event {
            // The unfinished frame stays unfinished, and nothing can be inserted after it.
            FlowEvent::Eof => {
                self.flows[side].finish();
                self.happened(ClosingEvent::Fin { side, cut: false });
            }
            FlowEvent::ReadFailed(_) => {
                self.flows[side].finish();
                self.happened(ClosingEvent::Broken(side));
            }
            FlowEvent::Violation(_) | FlowEvent::Discarded => {}
            FlowEvent::Ended => {
                self.happened(ClosingEvent::Finished(side.other()));
            }
            FlowEvent::WriteFailed => {
                self.happened(ClosingEvent::Deaf(side.other()));
            }
        }
        Poll::Ready(())
    }

    /// Passes an event to the state machine. True if there was something to do.
    fn happened(&mut self, event: ClosingEvent) -> bool {
        match self.machine.on(event) {
            Step::Fin(side) => self.flow_to(side).release_fin(),
            Step::Reset(side) => self.close(side, true),
            // The session has already ended.
            Step::Rest | Step::End(_) => return false,
        }
        true
    }

    fn obey(&mut self, orders: PerSide<Order>) {
        orders.iter().for_each(|(side, order)| self.obey_for(side, *order));
    }

    fn obey_for(&mut self, side: Side, order: Order) {
        let mask = (side == Side::App).then(|| masking_key(self.registered.session.id));
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
        &mut self.flows[side.other()]
    }

    /// Closes a leg if it is open. With `reset` the peer gets RST, and the kernel frees the queue.
    fn close(&mut self, side: Side, reset: bool) {
        let session = &self.registered.session;
        let Some(socket) = self.sockets[side].take() else { return };
        if reset {
            socket.reset_on_close();
        }
        release(session, &session.legs[side]);
        drop(socket);
    }
}
