//! An app at run time: what is counted and remembered of it while sessions come and go, and while its
//! configuration is replaced.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use arc_swap::ArcSwap;
use parking_lot::Mutex;

use super::{Account, Counts, Losses, Lost, Seats, Session, TcpTotals};
use crate::config::{self, Count};
use crate::core::gate::{Gate, Moment, Reason};
use crate::core::pack::{Judgement, RuleBook};
use crate::core::side::PerSide;
use crate::core::time::Nanos;
use crate::events::{EventKind, Events};

/// One `[[app]]`, for as long as there is one of its name.
#[derive(Debug)]
pub struct App {
    /// Its name.
    pub name: Box<str>,
    /// As configured last.
    policy: ArcSwap<AppPolicy>,
    /// Its newest activity.
    pub gate: Gate,
    /// When it last said something that pages echo.
    pub echoed: Moment,
    /// When somebody last asked for work by a request.
    pub posted: Moment,
    /// What counted and what did not, for whoever asks why.
    pub account: Account,
    /// How it failed those who asked it.
    pub losses: Losses,
    /// `max_sessions`.
    pub seats: Seats,
    /// Sessions opened so far.
    pub opened: AtomicU64,
    /// Sessions that live.
    pub live: AtomicUsize,
    /// What the sockets of its legs add up to.
    pub tcp: PerSide<TcpTotals>,
    /// Requests and upgrades that counted as activity.
    requests: AtomicU64,
    upgrades: AtomicU64,
    /// Server-sent events that did.
    events: AtomicU64,
    /// What came from each side in the sessions that are over.
    past: Mutex<PerSide<Counts>>,
}

/// What an app is at the moment, as far as its requests tell: Ebbtide neither starts nor stops it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing speaks against it.
    Running,
    /// It accepts no connections.
    Failed,
}

impl State {
    /// All of them.
    pub const ALL: [State; 2] = [State::Running, State::Failed];

    /// The word for it on the API and as a label.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            State::Running => "running",
            State::Failed => "failed",
        }
    }
}

/// What a configuration says of an app. What was begun under it ends under it.
#[derive(Debug)]
pub struct AppPolicy {
    /// As configured.
    pub config: config::App,
    /// What tells its machinery from its people.
    pub book: Arc<RuleBook>,
    /// The packs that its traffic has given away, as a set of the book's.
    recognised: AtomicU64,
}

impl AppPolicy {
    /// Takes the book's rules into the account.
    fn new(config: config::App, mut book: RuleBook, account: &Account) -> AppPolicy {
        book.renumber(&account.adopt(book.rules()));
        AppPolicy { config, book: Arc::new(book), recognised: AtomicU64::new(0) }
    }

    /// The packs that its traffic has given away.
    pub fn recognised(&self) -> u64 {
        self.recognised.load(Relaxed)
    }

    /// Whether what the app sends can be activity, given what its packs advise.
    pub fn counts_output(&self, advised: bool) -> bool {
        match self.config.count {
            Count::Both => true,
            Count::Input => false,
            Count::Pack => advised,
        }
    }

    /// Whether unknown messages should be shown to a `Cadence`: somebody wants to know when the app is
    /// idle.
    pub fn seeks_cadence(&self) -> bool {
        self.config.idle_after.is_some()
    }
}

impl App {
    /// An app that nobody has used by `now`.
    #[must_use]
    pub fn new(config: config::App, book: RuleBook, events: Events, now: Nanos) -> App {
        let account = Account::new(&config, events, now);
        App {
            name: config.name.as_str().into(),
            gate: Gate::default(),
            echoed: Moment::default(),
            posted: Moment::default(),
            losses: Losses::default(),
            seats: Seats::new(config.max_sessions),
            opened: AtomicU64::new(0),
            live: AtomicUsize::new(0),
            tcp: PerSide::default(),
            requests: AtomicU64::new(0),
            upgrades: AtomicU64::new(0),
            events: AtomicU64::new(0),
            past: Mutex::default(),
            policy: ArcSwap::from_pointee(AppPolicy::new(config, book, &account)),
            account,
        }
    }

    /// What it is at the moment.
    #[must_use]
    pub fn state(&self) -> State {
        if self.losses.refuses() { State::Failed } else { State::Running }
    }

    /// What is configured.
    #[must_use]
    pub fn policy(&self) -> Arc<AppPolicy> {
        self.policy.load_full()
    }

    /// Replaces what is configured, of which the name stays. Only one thread may do this at a time.
    pub fn configure(&self, config: config::App, book: RuleBook, now: Nanos) {
        let old = self.policy();
        let new = AppPolicy::new(config, book, &self.account);
        let recognised = new.book.packs_named(old.book.pack_names(old.recognised()));
        new.recognised.store(recognised, Relaxed);
        self.seats.set_limit(new.config.max_sessions);
        self.account.configure(&new.config, now);
        self.policy.store(Arc::new(new));
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

    /// The app failed somebody.
    pub fn lost(&self, lost: Lost) {
        self.losses.note(lost);
        self.account.lost(lost);
    }

    /// Tells whoever listens what happened to the app.
    pub fn tell(&self, at: Nanos, kind: impl FnOnce() -> EventKind) {
        self.account.tell(at, kind);
    }

    /// Adds packs, as a set of the book in `policy`, to those that its traffic has given away, and gives
    /// all of them.
    pub fn recognise(&self, policy: &AppPolicy, packs: u64) -> u64 {
        let known = policy.recognised();
        if packs & !known == 0 {
            return known;
        }
        let new = packs & !policy.recognised.fetch_or(packs, Relaxed);
        policy.book.pack_names(new).for_each(|pack| self.account.recognised(pack));
        known | packs
    }

    /// A server-sent event of the app on the answer to a request for `path`.
    pub fn event(&self, now: Nanos, path: &str, judgement: Judgement) {
        if matches!(judgement, Judgement::Activity(_)) {
            self.events.fetch_add(1, Relaxed);
            self.gate.touch(now, Reason::Output);
        }
        self.account.event(now, path, judgement);
    }

    /// Activity so far by reason, given what came from each side in all sessions.
    pub fn activity(&self, counts: &PerSide<Counts>) -> [(Reason, u64); 4] {
        Reason::ALL.map(|reason| {
            let count = match reason {
                Reason::Input => counts.client.activity,
                Reason::Output => counts.app.activity + self.events.load(Relaxed),
                Reason::Request => self.requests.load(Relaxed),
                Reason::Upgrade => self.upgrades.load(Relaxed),
            };
            (reason, count)
        })
    }

    /// Keeps the counts of a session that is over.
    pub(super) fn absorb(&self, session: &Session) {
        let mut past = self.past.lock();
        past.client += session.legs.client.frames.read();
        past.app += session.legs.app.frames.read();
    }

    /// What came from each side in the sessions that are over.
    pub(super) fn past(&self) -> PerSide<Counts> {
        *self.past.lock()
    }
}
