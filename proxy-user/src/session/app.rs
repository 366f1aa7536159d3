//! An app at run time: what is counted and remembered of it while sessions come and go, and while its
//! configuration is replaced.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::UNIX_EPOCH;

use arc_swap::ArcSwap;
use parking_lot::Mutex;

use super::life::Outcome;
use super::transfers::Transfers;
use super::{
    Account, Counts, Life, Lives, Losses, Lost, Order, Orders, Seats, Session, TcpTotals, WorkBook,
};
use crate::clock;
use crate::config::{self, Count, OnIdle, Upstream};
use crate::core::gate::{Gate, Moment, Reason};
use crate::core::history::Kind;
use crate::core::keep_awake;
use crate::core::lifecycle::{Facts, LifecycleEvent};
use crate::core::pack::{Judgement, RuleBook};
use crate::core::side::PerSide;
use crate::core::time::Nanos;
use crate::events::{EventKind, Events};

/// Waiting pages of an app that are told at once how far it is; more have to ask.
const LISTENERS: usize = 1000;

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
    /// Bodies of requests that count.
    transfers: Transfers,
    /// What it computes for somebody.
    pub work: WorkBook,
    /// What counted and what did not, for whoever asks why.
    pub account: Account,
    /// How it failed those who asked it.
    pub losses: Losses,
    /// Whether it runs.
    pub life: Life,
    /// What its lifecycle wants done.
    orders: Orders,
    /// How often it was started and suspended, and what became of it.
    pub lives: Lives,
    /// Places of those who wait for it to run.
    pub lobby: Seats,
    /// Places of the waiting pages that hear how far it is.
    pub listeners: Seats,
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

/// What a configuration says of an app. What was begun under it ends under it.
#[derive(Debug)]
pub struct AppPolicy {
    /// As configured.
    pub config: config::App,
    /// What tells its machinery from its people. Shared with other apps that have the same packs.
    pub book: Arc<RuleBook>,
    /// The packs that its traffic has given away, as a set of the book's.
    recognised: AtomicU64,
}

impl AppPolicy {
    /// Takes the book's rules into the account.
    fn new(config: config::App, book: Arc<RuleBook>, account: &Account) -> AppPolicy {
        let numbers = account.adopt(book.rules());
        AppPolicy { config, book: book.numbered(&numbers), recognised: AtomicU64::new(0) }
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
    pub fn new(
        config: config::App,
        book: Arc<RuleBook>,
        (events, orders): (Events, Orders),
        now: Nanos,
    ) -> App {
        let account = Account::new(&config, events, now);
        App {
            life: Life::new(config.is_driven(), now),
            orders,
            lives: Lives::default(),
            lobby: Seats::new(0),
            listeners: Seats::new(LISTENERS),
            name: config.name.as_str().into(),
            gate: Gate::default(),
            echoed: Moment::default(),
            posted: Moment::default(),
            transfers: Transfers::default(),
            work: WorkBook::default(),
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

    /// The word for what it is at the moment: of one without a driver, as far as its requests tell.
    #[must_use]
    pub fn state(&self) -> &'static str {
        match self.life.is_driven() {
            true => self.life.status().state.as_str(),
            false if self.losses.refuses() => "failed",
            false => "running",
        }
    }

    /// What is configured.
    #[must_use]
    pub fn policy(&self) -> Arc<AppPolicy> {
        self.policy.load_full()
    }

    /// Replaces what is configured, of which the name stays. Only one thread may do this at a time.
    pub fn configure(&self, config: config::App, book: Arc<RuleBook>, now: Nanos) {
        let old = self.policy();
        let new = AppPolicy::new(config, book, &self.account);
        let recognised = new.book.packs_named(old.book.pack_names(old.recognised()));
        new.recognised.store(recognised, Relaxed);
        self.seats.set_limit(new.config.max_sessions);
        self.life.configure(new.config.is_driven(), now);
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

    /// Bytes of a request that counts, or of its answer, have moved. They are activity as of the next
    /// [`App::note_transfers`].
    pub fn moved(&self, what: impl FnOnce() -> Kind) {
        self.transfers.moved(what);
    }

    /// Notes what has moved lately: who waits for the end of a long download uses the app. To be called
    /// once a second.
    pub fn note_transfers(&self, now: Nanos) {
        if let Some(kind) = self.transfers.take() {
            self.gate.touch(now, Reason::Request);
            self.account.moved(now, kind);
        }
    }

    /// Where the app is: as configured, or where its driver has it. `None` = it has not been started yet.
    #[must_use]
    pub fn upstream(&self, policy: &AppPolicy) -> Option<Upstream> {
        let driven = self.life.upstream().map(|upstream| (*upstream).clone());
        driven.or_else(|| policy.config.upstream.clone())
    }

    /// What its lifecycle is to know of it.
    #[must_use]
    pub fn facts(&self, now: Nanos) -> Facts {
        let policy = self.policy.load();
        let config = &policy.config;
        let suspends = config.on_idle == OnIdle::Suspend;
        let activity = self.gate.newest().map(|activity| activity.at);
        Facts {
            idle_after: config.idle_after.filter(|_| suspends),
            busy_limit: config.busy_limit.unwrap_or_default(),
            activity,
            work: self.work.facts(config.busy_limit, activity),
            kept: is_kept(config, now),
        }
    }

    /// It is at work: as far as is seen from outside, or by its own word.
    #[must_use]
    pub fn is_busy(&self, facts: &Facts, now: Nanos) -> bool {
        facts.work.until.is_some_and(|until| until > now) || self.life.busy().is_some()
    }

    /// When it will be suspended if nothing happens until then; `None` = it will not.
    #[must_use]
    pub fn suspends_at(&self, now: Nanos) -> Option<Nanos> {
        self.life.suspends_at(&self.facts(now))
    }

    /// Tells its lifecycle what has happened, and has done what that wants.
    pub fn drive(self: &Arc<Self>, event: LifecycleEvent, now: Nanos) {
        self.note_transfers(now);
        let Some(outcome) = self.life.on(event, &self.facts(now), now) else { return };
        let Outcome { before, after, command } = outcome;
        if before.state.is_up() && !after.state.is_up() {
            self.lose_work(now);
        }
        if let Some(kind) = self.lives.note(&before, &after, now) {
            self.tell(now, || kind);
        }
        if let Some(command) = command {
            self.orders.give(Order { app: Arc::clone(self), command });
        }
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

/// Whether an app is inside one of its hours (`keep_awake`).
fn is_kept(config: &config::App, now: Nanos) -> bool {
    if config.keep_awake.is_empty() {
        return false;
    }
    let since_epoch = clock::wall(now).duration_since(UNIX_EPOCH).unwrap_or_default();
    keep_awake::is_open(
        &config.keep_awake,
        i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX),
    )
}
