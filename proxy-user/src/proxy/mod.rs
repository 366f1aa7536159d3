//! The HTTP side: accepts connections, routes requests, forwards the plain ones and turns upgrades
//! into sessions. Frames are the pump's business.

pub(crate) mod answer;
mod forward;
mod judge;
mod listener;
mod service;
pub(crate) mod timed;
mod upgrade;
mod upstream;

use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::task::TaskTracker;

pub(crate) use self::forward::chain;
pub(crate) use self::listener::accept;
pub use self::listener::{bind, serve};
use crate::clock;
use crate::config::{self, Config};
use crate::core::route::Router;
use crate::core::visit::Visits;
use crate::events::Events;
use crate::metrics::Metrics;
use crate::packs::{Packs, PacksError};
use crate::session::{App, Registry, Seats};
use crate::sockets::Sockets;

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

/// Everything that serving a request needs.
#[derive(Debug)]
pub struct Proxy {
    /// What was configured.
    pub config: Config,
    /// The apps, in the order of the configuration.
    pub apps: Vec<Arc<App>>,
    /// The live sessions.
    pub registry: Arc<Registry>,
    /// Where the sockets' rows come from.
    pub sockets: Sockets,
    /// What is counted as it happens.
    pub metrics: Metrics,
    /// What happens, for whoever listens.
    pub events: Events,
    /// Who has come to a page lately.
    pub visits: Visits,
    /// Draining or not.
    pub phase: watch::Sender<Phase>,
    /// The tasks that serve HTTP connections.
    pub connections: TaskTracker,
    /// The tasks that run sessions, farewells included.
    pub pumps: TaskTracker,
    router: Router,
    seats: Seats,
    pool: upstream::Pool,
}

impl Proxy {
    /// A proxy that serves nobody yet.
    ///
    /// # Errors
    /// When an app names a pack that there is not.
    pub fn new(
        config: Config,
        packs: &Packs,
        sockets: Sockets,
        metrics: Metrics,
    ) -> Result<Proxy, PacksError> {
        let events = Events::default();
        let now = clock::now();
        let app = |app: &config::App| {
            let book = packs.book(&app.packs)?;
            Ok(Arc::new(App::new(app.clone(), book, events.clone(), now)))
        };
        let apps = config.apps.iter().map(app).collect::<Result<_, PacksError>>()?;
        let hosts = config.apps.iter().map(|app| (&app.hosts[..], app.path.as_str()));
        config.apps.iter().for_each(|app| metrics.announce(&app.name));
        Ok(Proxy {
            visits: Visits::default(),
            router: Router::new(hosts),
            seats: Seats::new(config.limits.sessions),
            pool: upstream::pool(),
            apps,
            registry: Arc::default(),
            sockets,
            metrics,
            events,
            phase: watch::Sender::new(Phase::Running),
            connections: TaskTracker::new(),
            pumps: TaskTracker::new(),
            config,
        })
    }

    /// How far the process is on its way out.
    #[must_use]
    pub fn phase(&self) -> Phase {
        *self.phase.borrow()
    }
}
