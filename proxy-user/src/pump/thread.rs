//! A thread that runs sessions: polls their sockets, receives their wakers, keeps their deadlines, and gives
//! each its turn. Must not know what a session does in its turn.
//!
//! It is separate from the runtime that serves HTTP. A message costs one read, one write and its share of one
//! epoll_wait(2); no task is scheduled for it, and no HTTP request delays it.

use std::collections::{BTreeSet, VecDeque};
use std::fmt::Debug;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use mio::{Events, Poll, Registry, Token};

use super::socket::Ready;
use super::waker::{Mail, Mailbox, SessionWaker};
use crate::clock;
use crate::core::decoder::Workspace;
use crate::core::side::Side;
use crate::core::time::Nanos;

/// Events taken per poll.
const EVENTS: usize = 256;
const ALARM: Token = Token(usize::MAX - 1);

/// Why a session gets a turn.
#[derive(Clone, Copy, Debug)]
pub(super) enum Call {
    /// The first turn, or the session's waker was woken.
    SessionWaker,
    /// A socket is ready.
    Socket(Side, Ready),
    /// The session asked for another turn.
    Asked,
}

/// What a session needs next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// A turn when a socket is ready, its waker is woken, or this time has come.
    Wait(Option<Nanos>),
    /// Another turn, after the others have had theirs.
    Again,
    /// Nothing: it is over and can be dropped.
    Over,
}

/// Shared by all turns of a round.
#[derive(Clone, Copy, Debug)]
pub(super) struct Round<'a> {
    pub(super) now: Nanos,
    pub(super) workspace: &'a Workspace,
}

/// A session as the thread sees it.
pub(super) trait Turns: Debug + Send {
    /// Registers its sockets: the client's under the first token, the app's under the second.
    ///
    /// # Errors
    /// The kernel has no room for them.
    fn register(&mut self, registry: &Registry, tokens: [Token; 2]) -> io::Result<()>;

    /// Takes a turn. It must not block.
    fn turn(&mut self, call: Call, round: Round<'_>) -> Turn;
}

/// A handle to a pump thread, for handing sessions to it.
#[derive(Clone, Debug)]
pub struct Pumps(Arc<Mailbox>);

impl Pumps {
    /// Starts a thread with this name.
    ///
    /// # Errors
    /// The thread, its epoll instance or its eventfd cannot be created.
    pub fn start(name: String) -> io::Result<(Pumps, JoinHandle<()>)> {
        let poll = Poll::new()?;
        let mailbox = Arc::new(Mailbox::new(poll.registry(), ALARM)?);
        let pumps = Pumps(Arc::clone(&mailbox));
        let thread = Thread {
            mailbox,
            poll,
            places: Vec::new(),
            live: 0,
            due: BTreeSet::new(),
            again: VecDeque::new(),
            taken: Mail::default(),
            workspace: Workspace::default(),
        };
        let handle = std::thread::Builder::new().name(name).spawn(move || thread.serve())?;
        Ok((pumps, handle))
    }

    /// A waker for a session that this thread will run.
    #[must_use]
    pub fn waker(&self) -> Arc<SessionWaker> {
        self.0.waker()
    }

    /// How many sessions the thread has.
    #[must_use]
    pub fn load(&self) -> usize {
        self.0.wakers()
    }

    /// Makes the thread drop its sessions and exit.
    pub fn stop(&self) {
        self.0.stop();
    }

    /// Wakes the thread to take the sessions that were handed over.
    pub fn call(&self) {
        self.0.call();
    }

    pub(super) fn add(&self, waker: Arc<SessionWaker>, run: Box<dyn Turns>) -> bool {
        self.0.arrive((waker, run))
    }
}

/// A session's slot in the thread.
#[derive(Debug, Default)]
struct SessionSlot {
    run: Option<Box<dyn Turns>>,
    due: Option<Nanos>,
    /// Whether it has asked for another turn.
    again: bool,
}

struct Thread {
    mailbox: Arc<Mailbox>,
    poll: Poll,
    places: Vec<SessionSlot>,
    /// The number of occupied slots.
    live: usize,
    due: BTreeSet<(Nanos, usize)>,
    /// Slots that asked for another turn.
    again: VecDeque<usize>,
    taken: Mail,
    workspace: Workspace,
}

impl Thread {
    fn serve(mut self) {
        let mut events = Events::with_capacity(EVENTS);
        loop {
            match self.poll.poll(&mut events, self.patience()) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                    tracing::error!(%error, "a pump thread cannot poll");
                    std::thread::sleep(Duration::from_millis(10));
                }
                _ => {}
            }
            let now = clock::coarse();
            let mut woken = false;
            for event in &events {
                match event.token() {
                    ALARM => woken = true,
                    Token(token) => {
                        let side = if token % 2 == 0 { Side::Client } else { Side::App };
                        self.turn(token / 2, Call::Socket(side, event.into()), now);
                    }
                }
            }
            if woken && self.take_mail(now) {
                return;
            }
            self.keep_time(now);
            self.go_round(now);
        }
    }

    /// How long the poll may block.
    fn patience(&self) -> Option<Duration> {
        if !self.again.is_empty() {
            return Some(Duration::ZERO);
        }
        let (due, _) = self.due.first()?;
        // Add 1 ms, because the coarse clock must have passed the deadline.
        Some(due.since(clock::coarse()) + Duration::from_millis(1))
    }

    /// Takes in new sessions and handles woken wakers. True = the thread is to exit.
    fn take_mail(&mut self, now: Nanos) -> bool {
        let mut taken = std::mem::take(&mut self.taken);
        if self.mailbox.take(&mut taken) {
            return true;
        }
        for (waker, run) in taken.arrived.drain(..) {
            self.arrive(&waker, run, now);
        }
        for waker in taken.woken.drain(..) {
            waker.heard();
            self.turn(waker.place() as usize, Call::SessionWaker, now);
        }
        self.taken = taken;
        false
    }

    fn arrive(&mut self, waker: &SessionWaker, mut run: Box<dyn Turns>, now: Nanos) {
        let place = waker.place() as usize;
        let tokens = [Token(2 * place), Token(2 * place + 1)];
        if let Err(error) = run.register(self.poll.registry(), tokens) {
            tracing::error!(%error, "cannot poll the sockets of a session: closing it");
            return;
        }
        if self.places.len() <= place {
            self.places.resize_with(place + 1, SessionSlot::default);
        }
        self.places[place].run = Some(run);
        self.live += 1;
        // Its waker may already have been woken.
        self.turn(place, Call::SessionWaker, now);
    }

    /// Gives a turn to the sessions whose deadline has passed.
    fn keep_time(&mut self, now: Nanos) {
        while let Some(&(due, place)) = self.due.first()
            && due <= now
        {
            self.due.pop_first();
            if let Some(place) = self.places.get_mut(place) {
                place.due = None;
            }
            self.turn(place, Call::Asked, now);
        }
    }

    /// Gives a turn to each session that has asked for another.
    fn go_round(&mut self, now: Nanos) {
        for _ in 0..self.again.len() {
            let Some(place) = self.again.pop_front() else { return };
            if let Some(place) = self.places.get_mut(place) {
                place.again = false;
            }
            self.turn(place, Call::Asked, now);
        }
    }

    #[inline]
    fn turn(&mut self, place: usize, call: Call, now: Nanos) {
        let Some(SessionSlot { run: Some(run), due, again }) = self.places.get_mut(place) else {
            return;
        };
        // A bug in one session must not end the others. The panic has been logged.
        let round = Round { now, workspace: &self.workspace };
        let turn = catch_unwind(AssertUnwindSafe(|| run.turn(call, round))).unwrap_or(Turn::Over);
        let wanted = match turn {
            Turn::Wait(wanted) => wanted,
            Turn::Again => {
                // Queue it once per round, even if an event or a waker gave it another turn.
                if !std::mem::replace(again, true) {
                    self.again.push_back(place);
                }
                return;
            }
            Turn::Over => None,
        };
        if *due != wanted {
            due.take().map(|due| self.due.remove(&(due, place)));
            wanted.map(|wanted| self.due.insert((wanted, place)));
            *due = wanted;
        }
        if turn == Turn::Over
            && let Some(run) = self.places[place].run.take()
        {
            // The same applies to its destructor.
            let _ = catch_unwind(AssertUnwindSafe(|| drop(run)));
            self.live -= 1;
            if self.live == 0 {
                // Do not keep the memory of the peak when there are no sessions.
                self.places = Vec::new();
            }
        }
    }
}

#[cfg(test)]
#[path = "thread_tests.rs"]
mod tests;
