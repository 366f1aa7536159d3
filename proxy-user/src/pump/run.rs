//! A session from its first turn to its last: first live, then closing.

use std::io;
use std::sync::Arc;
use std::task::Poll;

use mio::{Registry, Token};

use super::closing::{self, ClosingSession};
use super::registered::Registered;
use super::socket::{Ready, Socket};
use super::thread::{Call, Pumps, Round, Turn, Turns};
use super::waker::SessionWaker;
use super::{Counting, End, Limits, Pump, SessionHost};
use crate::core::ending::Cause;
use crate::core::side::{PerSide, Side};
use crate::core::time::Nanos;
use crate::session::{AppSeat, Seat, Session};

impl Pumps {
    /// Hands a registered session to a pump thread, which runs it until both legs are closed and their rows
    /// released. Its seats are released as soon as the session ends. `waker` must come from the same thread.
    ///
    /// True = the caller must call [`Pumps::call`], or the thread will not notice the session. One call is
    /// enough for all sessions handed over until then.
    pub fn run<H: SessionHost>(
        &self,
        waker: Arc<SessionWaker>,
        (session, host): (Arc<Session>, H),
        seats: Box<(AppSeat, Seat)>,
        ends: PerSide<End>,
        limits: Limits,
        counting: Counting,
    ) -> bool {
        const {
            assert!(
                cfg!(debug_assertions) || size_of::<Run<H>>() <= 224,
                "there is one for each session"
            );
        }
        let registered = Registered { session, host };
        let pump = Pump::new(registered, seats, ends, limits, counting);
        self.add(waker, Box::new(Run::Live(pump)))
    }
}

#[allow(clippy::large_enum_variant, reason = "it is `Live` nearly all the time")]
#[derive(Debug)]
enum Run<H: SessionHost> {
    Live(Pump<H>),
    /// Boxed, so that a live session does not reserve space for it.
    Closing(Box<ClosingSession<H>>),
    Over,
}

impl<H: SessionHost> Run<H> {
    fn socket(&mut self, side: Side) -> Option<&mut Socket> {
        match self {
            Run::Live(pump) => Some(&mut pump.sockets[side]),
            Run::Closing(closing_session) => closing_session.socket(side),
            Run::Over => None,
        }
    }

    fn tell(&mut self, side: Side, ready: Ready) -> bool {
        self.socket(side).is_some_and(|socket| socket.tell(ready))
    }

    /// Unregisters the session, and starts closing it if there is a cause.
    fn part(&mut self, cause: Option<Cause>, now: Nanos) -> Turn {
        let Run::Live(pump) = std::mem::replace(self, Run::Over) else { return Turn::Over };
        let Pump { registered, sockets, flows, seats, closing, .. } = pump;
        registered.host.registry().remove(&registered.session);
        drop(seats);
        let Some(cause) = cause else {
            let session = &registered.session;
            session.legs.iter().for_each(|(_, leg)| closing::release(session, leg));
            return Turn::Over;
        };
        registered.host.ended(&registered.session, cause);
        let mut closing_session =
            Box::new(ClosingSession::new(registered, closing, sockets, flows, (cause, now)));
        let turn = closing_session.turn(now);
        *self = Run::Closing(closing_session);
        turn
    }
}

impl<H: SessionHost> Turns for Run<H> {
    fn register(&mut self, registry: &Registry, tokens: [Token; 2]) -> io::Result<()> {
        for (side, token) in Side::BOTH.into_iter().zip(tokens) {
            self.socket(side).map_or(Ok(()), |socket| socket.register(registry, token))?;
        }
        Ok(())
    }

    #[inline]
    fn turn(&mut self, call: Call, round: Round<'_>) -> Turn {
        let sides: &[Side] = match call {
            Call::Socket(Side::Client, ready) if !self.tell(Side::Client, ready) => &[Side::Client],
            Call::Socket(Side::App, ready) if !self.tell(Side::App, ready) => &[Side::App],
            _ => &Side::BOTH,
        };
        for side in Side::BOTH {
            self.socket(side).map(Socket::begin_turn);
        }
        let pump = match self {
            Run::Live(pump) => pump,
            Run::Closing(closing_session) => return closing_session.turn(round.now),
            Run::Over => return Turn::Over,
        };
        if matches!(call, Call::SessionWaker)
            && let Poll::Ready(cause) = pump.poll_called()
        {
            return self.part(cause, round.now);
        }
        match pump.poll(round, sides) {
            Poll::Ready(cause) => self.part(cause, round.now),
            Poll::Pending if pump.sockets.iter().any(|(_, socket)| socket.wants_turn()) => {
                Turn::Again
            }
            Poll::Pending => {
                let heartbeats = pump.inspection.as_ref();
                Turn::Wait(heartbeats.and_then(|inspection| inspection.deadline()))
            }
        }
    }
}
