//! What is served at this moment: the configuration in force, the apps and the routes to them, the live
//! sessions, and how far the process is on its way out.
//!
//! HTTP, the admin address, the reaper and the reports stand above this and take from it what they
//! need. It must know none of them.

mod apps;

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use parking_lot::Mutex;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch;

use self::apps::Apps;
pub use self::apps::Change;
use crate::clock;
use crate::config::Config;
use crate::core::loops::Pseudonym;
use crate::core::pack::RuleBook;
use crate::core::route::Source;
use crate::events::Events;
use crate::session::{App, Order, Orders, Registry, Seats};

/// How far the process is on its way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Everything is served.
    Running,
    /// No new sessions; those that live may end by themselves. Each connection ends with its current
    /// request.
    Draining,
    /// Every session is told.
    Closing,
}

/// What is served at this moment.
#[derive(Debug)]
pub struct Serving {
    config: ArcSwap<Config>,
    apps: Apps,
    /// The live sessions.
    pub registry: Registry,
    /// `limits.sessions`.
    pub seats: Seats,
    /// What happens, for whoever listens.
    pub events: Events,
    orders: Orders,
    /// What the apps' lifecycles want done, until somebody takes it.
    to_do: Mutex<Option<UnboundedReceiver<Order>>>,
    /// `limits.held`.
    pub lobby: Seats,
    /// Draining or not.
    pub phase: watch::Sender<Phase>,
    /// By which requests that come back are known.
    pub pseudonym: Pseudonym,
}

impl Serving {
    /// Serves `config`, whose apps have these rule books, in its order.
    #[must_use]
    pub fn new(config: Config, books: Vec<Arc<RuleBook>>) -> Serving {
        let (orders, to_do) = Orders::channel();
        let serving = Serving {
            orders,
            to_do: Mutex::new(Some(to_do)),
            lobby: Seats::new(config.limits.held),
            apps: Apps::default(),
            registry: Registry::default(),
            seats: Seats::new(config.limits.sessions),
            events: Events::default(),
            phase: watch::Sender::new(Phase::Running),
            // The standard library's hashers are seeded by random numbers.
            pseudonym: Pseudonym::new(RandomState::new().hash_one(std::process::id())),
            config: ArcSwap::from_pointee(Config::default()),
        };
        serving.configure(config, books);
        serving
    }

    /// The configuration in force. Not to be held for long: see [`arc_swap::Guard`].
    pub fn config(&self) -> Guard<Arc<Config>> {
        self.config.load()
    }

    /// Puts another configuration in force, from the next request on. Sessions, and what is known of the
    /// apps that go on under their name, are kept.
    pub fn configure(&self, config: Config, books: Vec<Arc<RuleBook>>) {
        let old = self.config();
        let gone = old.apps.iter().filter(|old| config.apps.iter().all(|app| app.name != old.name));
        let gone = gone.map(|app| Change::Remove(app.name.clone()));
        let put = config.apps.iter().cloned().zip(books);
        let put = put.map(|(app, book)| Change::Put(Box::new(app), book));
        self.change(Source::File, gone.chain(put));
        self.seats.set_limit(config.limits.sessions);
        self.lobby.set_limit(config.limits.held);
        for app in self.apps() {
            app.lobby.set_limit(config.limits.held_per_app());
        }
        self.config.store(Arc::new(config));
    }

    /// Adds, replaces and removes apps of one source, all at once for whoever routes.
    pub fn change(&self, source: Source, changes: impl IntoIterator<Item = Change>) {
        let ways = (self.events.clone(), self.orders.clone());
        self.apps.change(source, changes, &ways, clock::now());
    }

    /// What the apps' lifecycles want done; `None` when somebody has taken it already.
    #[must_use]
    pub fn take_orders(&self) -> Option<UnboundedReceiver<Order>> {
        self.to_do.lock().take()
    }

    /// The app for a host and a path.
    #[must_use]
    pub fn find(&self, host: &str, path: &str) -> Option<Arc<App>> {
        self.apps.find(host, path)
    }

    /// The apps that are served, in the order in which they came.
    #[must_use]
    pub fn apps(&self) -> Vec<Arc<App>> {
        self.apps.served()
    }

    /// The same, and behind them those that are served no longer and have sessions left.
    #[must_use]
    pub fn all_apps(&self) -> Vec<Arc<App>> {
        self.apps.all()
    }

    /// How far the process is on its way out.
    #[must_use]
    pub fn phase(&self) -> Phase {
        *self.phase.borrow()
    }
}
