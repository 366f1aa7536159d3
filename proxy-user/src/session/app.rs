//! An app at run time: what is counted and remembered of it while sessions come and go.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use super::{Account, Counts, Seats, Session, TcpTotals};
use crate::config::{self, Count};
use crate::core::gate::{Gate, Reason};
use crate::core::pack::{RuleBook, Verdict};
use crate::core::time::Nanos;
use crate::events::Events;

/// One `[[app]]`.
#[derive(Debug)]
pub struct App {
    /// As configured.
    pub config: config::App,
    /// Its newest activity.
    pub gate: Gate,
    /// What tells its machinery from its people.
    pub book: Arc<RuleBook>,
    /// The packs that its traffic has given away, as a set of the book's.
    recognised: AtomicU64,
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
    /// Server-sent events that did.
    events: AtomicU64,
    /// Input and output of the sessions that are over.
    past: Mutex<(Counts, Counts)>,
}

impl App {
    /// An app that nobody has used by `now`.
    #[must_use]
    pub fn new(config: config::App, book: RuleBook, events: Events, now: Nanos) -> App {
        App {
            account: Account::new(&config, book.rules().to_vec(), events, now),
            recognised: AtomicU64::new(0),
            book: Arc::new(book),
            gate: Gate::default(),
            seats: Seats::new(config.max_sessions),
            opened: AtomicU64::new(0),
            live: AtomicUsize::new(0),
            client: TcpTotals::default(),
            upstream: TcpTotals::default(),
            requests: AtomicU64::new(0),
            upgrades: AtomicU64::new(0),
            events: AtomicU64::new(0),
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

    /// The packs that its traffic has given away.
    pub fn recognised(&self) -> u64 {
        self.recognised.load(Relaxed)
    }

    /// Adds packs to those that its traffic has given away, and gives all of them.
    pub fn recognise(&self, packs: u64) -> u64 {
        let known = self.recognised();
        if packs & !known == 0 {
            return known;
        }
        let new = packs & !self.recognised.fetch_or(packs, Relaxed);
        self.book.pack_names(new).for_each(|pack| self.account.recognised(pack));
        known | packs
    }

    /// Whether what the app sends can be activity, given what its packs advise.
    pub fn counts_output(&self, advised: bool) -> bool {
        match self.config.count {
            Count::Both => true,
            Count::Input => false,
            Count::Pack => advised,
        }
    }

    /// A server-sent event of the app on the answer to a request for `path`.
    pub fn event(&self, now: Nanos, path: &str, verdict: Verdict) {
        if matches!(verdict, Verdict::Activity(_)) {
            self.events.fetch_add(1, Relaxed);
            self.gate.touch(now, Reason::Output);
        }
        self.account.event(now, path, verdict);
    }

    /// Activity so far by reason, given the input and output that the sessions counted.
    pub fn activity(&self, input: Counts, output: Counts) -> [(Reason, u64); 4] {
        Reason::ALL.map(|reason| {
            let count = match reason {
                Reason::Input => input.activity,
                Reason::Output => output.activity + self.events.load(Relaxed),
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
