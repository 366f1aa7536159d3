//! An app at run time: what is counted and remembered of it while sessions come and go.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use super::{Account, Counts, Seats, Session, TcpTotals};
use crate::config;
use crate::core::gate::{Gate, Reason};
use crate::core::time::Nanos;

/// One `[[app]]`.
#[derive(Debug)]
pub struct App {
    /// As configured.
    pub config: config::App,
    /// Its newest activity.
    pub gate: Gate,
    /// What counted and what did not, for whoever asks why.
    pub account: Account,
    /// `max_sessions`.
    pub seats: Seats,
    /// Sessions opened so far.
    pub opened: AtomicU64,
    /// Sessions that live.
    pub live: AtomicUsize,
    /// The sockets of its client legs.
    pub client: TcpTotals,
    /// The sockets of its app legs.
    pub upstream: TcpTotals,
    /// Requests and upgrades that counted as activity.
    requests: AtomicU64,
    upgrades: AtomicU64,
    /// Input and output of the sessions that are over.
    past: Mutex<(Counts, Counts)>,
}

impl App {
    /// An app that nobody has used yet.
    #[must_use]
    pub fn new(config: config::App, account: Account) -> App {
        App {
            account,
            gate: Gate::default(),
            seats: Seats::new(config.max_sessions),
            opened: AtomicU64::new(0),
            live: AtomicUsize::new(0),
            client: TcpTotals::default(),
            upstream: TcpTotals::default(),
            requests: AtomicU64::new(0),
            upgrades: AtomicU64::new(0),
            past: Mutex::default(),
            config,
        }
    }

    /// Notes activity that is no frame.
    pub fn note(&self, now: Nanos, reason: Reason) {
        match reason {
            Reason::Request => self.requests.fetch_add(1, Relaxed),
            Reason::Upgrade => self.upgrades.fetch_add(1, Relaxed),
            // Frames are counted by their session.
            Reason::Input | Reason::Output => 0,
        };
        self.gate.touch(now, reason);
    }

    /// Activity so far by reason, given the input and output that the sessions counted.
    pub fn activity(&self, input: Counts, output: Counts) -> [(Reason, u64); 4] {
        Reason::ALL.map(|reason| {
            let count = match reason {
                Reason::Input => input.activity,
                Reason::Output => output.activity,
                Reason::Request => self.requests.load(Relaxed),
                Reason::Upgrade => self.upgrades.load(Relaxed),
            };
            (reason, count)
        })
    }

    /// Keeps the counts of a session that is over.
    pub(super) fn absorb(&self, session: &Session) {
        let mut past = self.past.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        past.0 += session.client.frames.read();
        past.1 += session.upstream.frames.read();
    }

    /// Input and output of the sessions that are over.
    pub(super) fn past(&self) -> (Counts, Counts) {
        *self.past.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
