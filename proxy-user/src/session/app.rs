//! An app at run time: its counters and state, which outlive its sessions and survive a reload of the
//! configuration.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::UNIX_EPOCH;

use arc_swap::ArcSwap;
use parking_lot::Mutex;

use super::life::Outcome;
use super::transfers::Transfers;
use super::{
    Account, AppSeats, Counts, Life, Lives, Losses, Lost, Order, Orders, Seats, Session, TcpTotals,
    WorkBook,
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

/// How many waiting pages of an app get progress pushed to them; any more have to poll.
const LISTENERS: usize = 1000;

/// One `[[app]]`, for as long as the configuration has an app of this name.
#[derive(Debug)]
pub struct App {
    /// Its name.
    pub name: Box<str>,
    /// The current configuration.
    policy: ArcSwap<AppPolicy>,
    /// The newest activity.
    pub gate: Gate,
    /// When the app last sent something that pages echo.
    pub echoed: Moment,
    /// When somebody last requested work over plain HTTP.
    pub posted: Moment,
    /// Bodies of requests that count as activity.
    transfers: Transfers,
    /// Work in progress on somebody's behalf.
    pub work: WorkBook,
    /// What counted as activity and what did not, to explain why an app is awake.
    pub account: Account,
    /// Failed requests and sessions.
    pub losses: Losses,
    /// Its lifecycle state.
    pub life: Life,
    /// Commands of its lifecycle, for the keeper.
    orders: Orders,
    /// How often it was started and suspended, and time spent in each state.
    pub lives: Lives,
    /// Places for requests that wait for it to start.
    pub lobby: Seats,
    /// Places for waiting pages that get progress pushed to them.
    pub listeners: Seats,
    /// `max_sessions`.
    pub seats: Arc<AppSeats>,
    /// Sessions opened so far.
    pub opened: AtomicU64,
    /// Sessions open now.
    pub live: AtomicUsize,
    /// TCP totals over all sockets of each side.
    pub tcp: PerSide<TcpTotals>,
    /// Requests and upgrades that counted as activity.
    requests: AtomicU64,
    upgrades: AtomicU64,
    /// Server-sent events that counted as activity.
    events: AtomicU64,
    /// Counts of each side in sessions that have ended.
    past: Mutex<PerSide<Counts>>,
}

/// The configuration of an app. A request or session keeps the one it started with.
#[derive(Debug)]
pub struct AppPolicy {
    /// As configured.
    pub config: config::App,
    /// The rules that tell people from machinery. Apps with the same packs share them.
    pub book: Arc<RuleBook>,
    /// The packs recognised in its traffic, as a set of the book's packs.
    recognised: AtomicU64,
}

impl AppPolicy {
    /// Registers the book's rules with the account.
    fn new(config: config::App, book: Arc<RuleBook>, account: &Account) -> AppPolicy {
        let numbers = account.adopt(book.rules());
        AppPolicy { config, book: book.numbered(&numbers), recognised: AtomicU64::new(0) }
    }

    /// The packs recognised in its traffic, as a set of the book's packs.
    pub fn recognised(&self) -> u64 {
        self.recognised.load(Relaxed)
    }

    /// Whether the app's output can be activity. `advised`: what its packs say.
    pub fn counts_output(&self, advised: bool) -> bool {
        match self.config.count {
            Count::Both => true,
            Count::Input => false,
            Count::Pack => advised,
        }
    }

    /// Whether unknown messages should be fed to a `Cadence`: only if idleness matters for this app.
    pub fn seeks_cadence(&self) -> bool {
        self.config.idle_after.is_some()
    }
}

impl App {
    /// A new app, not used before `now`. `held`: how many requests may wait for it to start; 0 = no limit.
    #[must_use]
    pub fn new(
        config: config::App,
        book: Arc<RuleBook>,
        (events, orders): (Events, Orders),
        held: usize,
        now: Nanos,
    ) -> App {
        let account = Account::new(&config, events, now);
        App {
            life: Life::new(config.is_driven(), now),
            orders,
            lives: Lives::default(),
            lobby: Seats::new(held),
            listeners: Seats::new(LISTENERS),
            name: config.name.as_str().into(),
            gate: Gate::default(),
            echoed: Moment::default(),
            posted: Moment::default(),
            transfers: Transfers::default(),
            work: WorkBook::default(),
            losses: Losses::default(),
            seats: AppSeats::new(config.max_sessions),
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

    /// The state as one word. Without a driver it is derived from the app's answers to requests.
    #[must_use]
    pub fn state(&self) -> &'static str {
        match self.life.is_driven() {
            true => self.life.status().state.as_str(),
            false if self.losses.refuses() => "failed",
            false => "running",
        }
    }

    /// The current configuration.
    #[must_use]
    pub fn policy(&self) -> Arc<AppPolicy> {
        self.policy.load_full()
    }

    /// Replaces the configuration; the name stays. Only one thread may do this at a time.
    pub fn configure(&self, config: config::App, book: Arc<RuleBook>, now: Nanos) {
        let old = self.policy();
        let new = AppPolicy::new(config, book, &self.account);
        let recognised = new.book.packs_named(old.book.pack_names(old.recognised()));
        new.recognised.store(recognised, Relaxed);
        self.seats.set_limit(new.config.max_sessions, now);
        self.life.configure(new.config.is_driven(), now);
        self.account.configure(&new.config, now);
        self.policy.store(Arc::new(new));
    }

    /// Records activity other than a frame.
    pub fn note(&self, now: Nanos, reason: Reason) {
        match reason {
            Reason::Request => self.requests.fetch_add(1, Relaxed),
            Reason::Upgrade => self.upgrades.fetch_add(1, Relaxed),
            // Frames are counted by their session.
            Reason::Input | Reason::Output => 0,
        };
        self.gate.touch(now, reason);
    }

    /// Bytes of a request that counts, or of its answer, have moved. They become activity at the next
    /// [`App::note_transfers`].
    pub fn moved(&self, what: impl FnOnce() -> Kind) {
        self.transfers.moved(what);
    }

    /// Records recent transfers as activity: somebody who waits for a long download is using the app. Call
    /// once a second.
    pub fn note_transfers(&self, now: Nanos) {
        if let Some(kind) = self.transfers.take() {
            self.gate.touch(now, Reason::Request);
            self.account.moved(now, kind);
        }
    }

    /// The app's current address, from its driver or from the configuration. `None` = it has not been started
    /// yet.
    #[must_use]
    pub fn upstream(&self) -> Option<Upstream> {
        let policy = self.policy.load();
        let configured = policy.config.upstream.as_ref();
        match (self.life.upstream(), configured) {
            // How the app is verified may have changed since it was started.
            (Some(driven), Some(configured)) if driven.is_place_of(configured) => {
                Some(configured.clone())
            }
            (Some(driven), _) => Some((*driven).clone()),
            (None, configured) => configured.cloned(),
        }
    }

    /// What its lifecycle needs to know.
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

    /// Whether it is at work, as observed from outside or as reported by the app itself.
    #[must_use]
    pub fn is_busy(&self, facts: &Facts, now: Nanos) -> bool {
        facts.work.until.is_some_and(|until| until > now) || self.life.busy().is_some()
    }

    /// When it will be suspended if nothing happens until then; `None` = never.
    #[must_use]
    pub fn suspends_at(&self, now: Nanos) -> Option<Nanos> {
        self.life.suspends_at(&self.facts(now))
    }

    /// Passes an event to the lifecycle, and hands the resulting command to the keeper.
    pub fn drive(self: &Arc<Self>, event: LifecycleEvent, now: Nanos) {
        self.note_transfers(now);
        let facts = self.facts(now);
        let is_failed_stop = matches!(event, LifecycleEvent::StopFailed(_));
        self.life.on(event, &facts, now, |Outcome { before, after, command }| {
            let was_up = before.state.is_running_or_suspending();
            if was_up && !after.state.is_running_or_suspending() {
                self.lose_work(now);
            }
            if let Some(kind) = self.lives.note(&before, &after, is_failed_stop, now) {
                self.tell(now, || kind);
            }
            if let Some(command) = command {
                self.orders.give(Order { app: Arc::clone(self), command, since: after.since });
            }
        });
    }

    /// Records that a request or session failed because of the app.
    pub fn lost(&self, lost: Lost) {
        self.losses.note(lost);
        self.account.lost(lost, self.live.load(Relaxed));
    }

    /// Publishes an event of the app.
    pub fn tell(&self, at: Nanos, kind: impl FnOnce() -> EventKind) {
        self.account.tell(at, self.live.load(Relaxed), kind);
    }

    /// Adds packs (a set of the packs of the book in `policy`) to those recognised in the app's traffic.
    /// Returns the whole set.
    pub fn recognise(&self, policy: &AppPolicy, packs: u64) -> u64 {
        let known = policy.recognised();
        if packs & !known == 0 {
            return known;
        }
        let new = packs & !policy.recognised.fetch_or(packs, Relaxed);
        policy.book.pack_names(new).for_each(|pack| self.account.recognised(pack));
        known | packs
    }

    /// A server-sent event of the app, in the answer to a request for `path`.
    pub fn event(&self, now: Nanos, path: &str, judgement: Judgement) {
        if matches!(judgement, Judgement::Activity(_)) {
            self.events.fetch_add(1, Relaxed);
            self.gate.touch(now, Reason::Output);
        }
        self.account.event(now, path, judgement);
    }

    /// Activity so far by reason. `counts`: what came from each side in all sessions.
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

    /// Keeps the counts of a session that has ended.
    pub(super) fn absorb(&self, session: &Session) {
        let mut past = self.past.lock();
        past.client += session.legs.client.frames.read();
        past.app += session.legs.app.frames.read();
    }

    /// Counts of each side in sessions that have ended.
    pub(super) fn past(&self) -> PerSide<Counts> {
        *self.past.lock()
    }
}

/// Whether `now` is within the app's `keep_awake` hours.
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
