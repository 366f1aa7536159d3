//! Sessions as seen by everything except their pump: counts, socket rows, and a single way to end them.
//!
//! Nothing here reads or writes a socket.

mod account;
mod app;
mod app_seats;
mod last_activity;
mod life;
mod lives;
mod losses;
mod orders;
mod peer;
mod pings;
mod registry;
mod seats;
mod tally;
mod tcp;
mod transfers;
mod work;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::task::Waker;

pub use self::account::{Account, Asked, Last, MetRules, RuleCount};
pub use self::app::{App, AppPolicy};
pub use self::app_seats::{AppSeat, AppSeats, QueuePlace};
use self::last_activity::LastActivity;
pub use self::life::{Life, Status};
pub use self::lives::{Lives, Totals, Why};
pub use self::losses::{Losses, Lost};
pub use self::orders::{Order, Orders};
pub use self::peer::PeerAddress;
pub use self::pings::Pings;
pub use self::registry::{Look, Registry, WatchedSession, Watches};
pub use self::seats::{Seat, Seats};
pub use self::tally::{Counts, Tally};
pub use self::tcp::TcpTotals;
pub use self::work::{OpenWork, WorkBook};
use crate::core::ending::Cause;
use crate::core::gate::Activity;
use crate::core::history::Path;
use crate::core::side::{PerSide, Side};
use crate::core::time::Nanos;
use crate::sockets;

const OPEN: u8 = 0;
const CLOSED_BY_CLIENT: u8 = 1;
const CLOSED_BY_APP: u8 = 2;

/// One of a session's two sockets.
#[derive(Debug)]
pub struct Leg {
    /// The other end's address.
    pub peer: PeerAddress,
    /// The socket's row.
    pub socket: sockets::RegisteredSocket,
    /// Frames that came from this leg's peer.
    pub frames: Tally,
    /// Ebbtide's own pings to its peer.
    pub pings: Pings,
    /// What has already been added to the app's totals for this socket.
    added: TcpTotals,
}

impl Leg {
    /// A leg that has not carried any bytes yet.
    #[must_use]
    pub fn new(peer: SocketAddr, socket: sockets::RegisteredSocket) -> Leg {
        let (frames, pings) = (Tally::default(), Pings::default());
        Leg { peer: peer.into(), socket, frames, pings, added: TcpTotals::default() }
    }

    /// Records that one of our pings to the peer has been written. Only the session's pump may call this.
    pub fn pinged(&self, now: Nanos) {
        self.pings.wrote(now);
        self.frames.add(Counts { pings: 1, ..Counts::default() });
    }
}

/// One upgraded connection.
#[derive(Debug)]
pub struct Session {
    /// Unique in this process; increases in the order of opening.
    pub id: u64,
    /// The app that the session belongs to.
    pub app: Arc<App>,
    /// The path of its handshake.
    pub path: Path,
    /// The client's address: not that of a trusted proxy before it. `None` = unknown.
    pub client: Option<IpAddr>,
    /// When both legs were established.
    pub opened: Nanos,
    /// Its two sockets.
    pub legs: PerSide<Leg>,
    /// Number of the [`Cause`] that ended the session; 0 = still alive.
    cause: AtomicU8,
    /// Which side the first Close frame came from: see [`Session::closed_by`].
    closing: AtomicU8,
    /// A ping was requested.
    pinging: AtomicBool,
    last_activity: LastActivity,
    /// Wakes the pump.
    pump: Waker,
}

// Together with the two counters of its `Arc`, it fills one jemalloc size class.
const _: () = assert!(size_of::<Session>() + 16 <= 448, "there may be tens of thousands");

impl Session {
    /// A session with two legs. `pump` wakes its pump.
    #[must_use]
    pub fn new(
        id: u64,
        app: Arc<App>,
        (path, client): (Path, Option<IpAddr>),
        opened: Nanos,
        legs: PerSide<Leg>,
        pump: Waker,
    ) -> Session {
        Session {
            id,
            app,
            path,
            client,
            opened,
            legs,
            cause: AtomicU8::new(0),
            closing: AtomicU8::new(OPEN),
            pinging: AtomicBool::new(false),
            last_activity: LastActivity::default(),
            pump,
        }
    }

    /// The newest frame or message that counted as activity.
    #[must_use]
    pub fn last_activity(&self) -> Option<Activity> {
        self.last_activity.read(self.opened)
    }

    /// Records that something from this side counted as activity. Only the session's pump may call this.
    pub fn active(&self, now: Nanos, from: Side) {
        self.last_activity.note(self.opened, now, from);
    }

    /// Ends the session. The first cause wins; returns false if there already was one.
    pub fn end(&self, cause: Cause) -> bool {
        let first = self
            .cause
            .compare_exchange(0, cause as u8, Ordering::AcqRel, Ordering::Acquire)
            .is_ok();
        if first {
            self.pump.wake_by_ref();
        }
        first
    }

    /// Why the session ended; `None` while it is alive.
    pub fn ended(&self) -> Option<Cause> {
        Cause::from_number(self.cause.load(Ordering::Acquire))
    }

    /// Asks the pump to ping the peers of these legs, each as soon as a frame can be inserted.
    pub fn ping(&self, wanted: PerSide<bool>) {
        for (side, leg) in self.legs.iter() {
            if wanted[side] {
                leg.pings.ask();
            }
        }
        self.pinging.store(true, Ordering::Release);
        self.pump.wake_by_ref();
    }

    /// Whether a ping was requested since the last call.
    pub fn take_pinging(&self) -> bool {
        self.pinging.load(Ordering::Relaxed) && self.pinging.swap(false, Ordering::Acquire)
    }

    /// Brings the app's totals up to date with the rows of both legs.
    pub fn settle(&self) {
        for (side, leg) in self.legs.iter() {
            self.app.tcp[side].add(&leg.added, &leg.socket.sample());
        }
    }

    /// Records that a Close frame from this side was seen. Only the session's pump may call this.
    pub fn note_close(&self, from: Side) {
        if !self.closing() {
            let closed = match from {
                Side::Client => CLOSED_BY_CLIENT,
                Side::App => CLOSED_BY_APP,
            };
            self.closing.store(closed, Ordering::Relaxed);
        }
        self.legs.client.socket.note();
    }

    /// Whether a Close frame has been seen.
    pub fn closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed) != OPEN
    }

    /// Which side the first Close frame came from.
    pub fn closed_by(&self) -> Option<Side> {
        match self.closing.load(Ordering::Relaxed) {
            CLOSED_BY_CLIENT => Some(Side::Client),
            CLOSED_BY_APP => Some(Side::App),
            _ => None,
        }
    }
}
