//! The HTTP side: accepts connections, routes requests, forwards the plain ones and turns upgrades
//! into sessions. Frames are the pump's business.

mod answer;
mod forward;
mod judge;
mod listener;
mod lobby;
mod own;
mod record;
mod route;
mod service;
mod transfer;
mod upgrade;
mod waiting;
mod work;
mod worker;

use std::sync::Arc;

use tokio_util::task::TaskTracker;

pub use self::listener::serve;
pub use self::worker::Worker;
use crate::core::visit::Visits;
use crate::metrics::Metrics;
use crate::serving::Serving;
use crate::sockets::Sockets;

/// Everything that serving a request needs.
#[derive(Debug)]
pub struct Proxy {
    /// What is served.
    pub serving: Arc<Serving>,
    /// Where the sockets' rows come from.
    pub sockets: Sockets,
    /// What is counted as it happens.
    pub metrics: Arc<Metrics>,
    /// Who has come to a page lately.
    pub visits: Visits,
    /// The tasks that serve HTTP connections.
    pub connections: TaskTracker,
    /// Sessions, from their handshake until both legs are closed.
    pub pumps: TaskTracker,
}

impl Proxy {
    /// A proxy that serves nobody yet.
    #[must_use]
    pub fn new(serving: Arc<Serving>, sockets: Sockets, metrics: Arc<Metrics>) -> Proxy {
        Proxy {
            serving,
            sockets,
            metrics,
            visits: Visits::default(),
            connections: TaskTracker::new(),
            pumps: TaskTracker::new(),
        }
    }
}
