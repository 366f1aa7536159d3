//! What is being served: the configuration in force, the apps and the routes to them, the open sessions,
//! and the phase of the shutdown.
//!
//! HTTP, the admin address, the reaper and the reports use this module; it must know none of them.

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
use crate::core::route::{Reading, Source};
use crate::events::Events;
use crate::session::{App, Order, Orders, Registry, Seats};

/// The phase of the shutdown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Everything is served.
    Running,
    /// No new sessions; open ones may end by themselves. Each connection ends with its current request.
    Draining,
    /// Every session is told to go.
    Closing,
}

/// What is being served.
#[derive(Debug)]
pub struct Serving {
    config: ArcSwap<Config>,
    apps: Apps,
    /// The open sessions.
    pub registry: Registry,
    /// `limits.sessions`.
    pub seats: Seats,
    /// The event channel.
    pub events: Events,
    orders: Orders,
    /// The orders of the apps' lifecycles, until they are taken.
    to_do: Mutex<Option<UnboundedReceiver<Order>>>,
    /// `limits.held`.
    pub lobby: Seats,
    /// The phase of the shutdown.
    pub phase: watch::Sender<Phase>,
    /// Recognises requests that come back.
    pub pseudonym: Pseudonym,
}

impl Serving {
    /// Serves `config`. `books`: the rule books of its apps, in the same order.
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

    /// The configuration in force. Do not hold it for long: see [`arc_swap::Guard`].
    pub fn config(&self) -> Guard<Arc<Config>> {
        self.config.load()
    }

    /// Puts another configuration in force from the next request on. Sessions are kept, and so is the state
    /// of apps that keep their name.
    pub fn configure(&self, config: Config, books: Vec<Arc<RuleBook>>) {
        let old = self.config();
        let gone = old.apps.iter().filter(|old| config.apps.iter().all(|app| app.name != old.name));
        let gone = gone.map(|app| Change::Remove(app.name.clone()));
        let put = config.apps.iter().cloned().zip(books);
        let put = put.map(|(app, book)| Change::Put(Box::new(app), book));
        self.apps.limit_held(config.limits.held_per_app());
        self.change(Source::File, gone.chain(put));
        self.seats.set_limit(config.limits.sessions);
        self.lobby.set_limit(config.limits.held);
        self.config.store(Arc::new(config));
    }

    /// Puts and removes apps by name, and routes them for `source`, atomically for routing. All sources share
    /// the names.
    pub fn change(&self, source: Source, changes: impl IntoIterator<Item = Change>) {
        let ways = (self.events.clone(), self.orders.clone());
        self.apps.change(source, changes, &ways, clock::now());
    }

    /// The orders of the apps' lifecycles; `None` if already taken.
    #[must_use]
    pub fn take_orders(&self) -> Option<UnboundedReceiver<Order>> {
        self.to_do.lock().take()
    }

    /// The app for a host and a path.
    #[must_use]
    pub fn find(&self, host: &str, path: &str) -> Option<Arc<App>> {
        self.apps.find(host, path)
    }

    /// Whether `test` holds for every app that a path with this reading may lead to on `host`.
    pub fn all_read(&self, host: &str, reading: &Reading, test: impl Fn(&App) -> bool) -> bool {
        self.apps.all_read(host, reading, test)
    }

    /// The served apps, in the order in which they were added.
    #[must_use]
    pub fn apps(&self) -> Vec<Arc<App>> {
        self.apps.served()
    }

    /// The same, followed by former apps with open sessions.
    #[must_use]
    pub fn all_apps(&self) -> Vec<Arc<App>> {
        self.apps.all()
    }

    /// The phase of the shutdown.
    #[must_use]
    pub fn phase(&self) -> Phase {
        *self.phase.borrow()
    }
}
