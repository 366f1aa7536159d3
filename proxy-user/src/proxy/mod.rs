//! The HTTP side: accepts connections, routes requests, forwards the plain ones and turns upgrades
//! into sessions. Frames are the pump's business.

pub(crate) mod answer;
mod forward;
mod judge;
mod line;
mod listener;
mod pool;
mod served;
mod service;
mod stream;
pub(crate) mod timed;
mod upgrade;
mod upstream;
mod worker;

use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

pub(crate) use self::forward::chain;
pub(crate) use self::listener::accept;
pub use self::listener::serve;
pub use self::served::{Plan, Served};
pub use self::worker::Worker;
use crate::clock;
use crate::core::visit::Visits;
use crate::events::Events;
use crate::metrics::Metrics;
use crate::session::{Registry, Seats};
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
    served: ArcSwap<Served>,
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
    /// Sessions, from their handshake to their last farewell.
    pub pumps: TaskTracker,
    seats: Seats,
}

impl Proxy {
    /// A proxy that serves nobody yet.
    #[must_use]
    pub fn new(plan: Plan, sockets: Sockets, metrics: Metrics) -> Proxy {
        let events = Events::default();
        let served = Served::new(plan, &[], &events, clock::now());
        served.apps.iter().for_each(|app| metrics.announce(&app.name));
        Proxy {
            visits: Visits::default(),
            seats: Seats::new(served.config.limits.sessions),
            registry: Arc::default(),
            sockets,
            metrics,
            events,
            phase: watch::Sender::new(Phase::Running),
            connections: TaskTracker::new(),
            pumps: TaskTracker::new(),
            served: ArcSwap::from_pointee(served),
        }
    }

    /// What is served at this moment. Not to be held for long: see [`arc_swap::Guard`].
    pub fn served(&self) -> Guard<Arc<Served>> {
        self.served.load()
    }

    /// Serves something else from the next request on. Sessions, and what is known of the apps that go
    /// on, are kept. Only one thread may do this at a time.
    pub fn serve_plan(&self, plan: Plan) {
        let before = self.served().all_apps();
        let served = Served::new(plan, &before, &self.events, clock::now());
        served.apps.iter().for_each(|app| self.metrics.announce(&app.name));
        self.seats.set_limit(served.config.limits.sessions);
        self.served.store(Arc::new(served));
    }

    /// How far the process is on its way out.
    #[must_use]
    pub fn phase(&self) -> Phase {
        *self.phase.borrow()
    }
}
