//! The HTTP side: accepts connections, routes requests, forwards plain ones and turns upgrades into
//! sessions. Frames are handled by `pump`.

mod answer;
mod error_page;
mod forward;
mod judge;
mod listener;
mod lobby;
mod own;
mod record;
mod redirect;
mod request_line;
mod rewrite;
mod route;
mod seats;
mod service;
mod transfer;
mod upgrade;
mod waiting;
mod work;
mod worker;

use std::sync::Arc;
use std::sync::atomic::AtomicU16;

use tokio_util::task::TaskTracker;

pub use self::listener::serve;
pub use self::worker::{Purpose, Worker};
use crate::access::Access;
use crate::access_log::AccessLog;
use crate::core::visit::Visits;
use crate::metrics::Metrics;
use crate::serving::Serving;
use crate::sockets::Sockets;
use crate::tls::ServerTls;

/// Everything that serving a request needs.
#[derive(Debug)]
pub struct Proxy {
    /// The apps and routes being served.
    pub serving: Arc<Serving>,
    /// The socket table.
    pub sockets: Sockets,
    /// The port that browsers are sent to for `https`.
    pub https_port: AtomicU16,
    /// Who may use the apps.
    pub access: Access,
    /// TLS on the addresses for browsers, if configured.
    pub tls: ServerTls,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// The access log.
    pub access_log: AccessLog,
    /// Which browsers have opened a page recently.
    pub visits: Visits,
    /// The tasks that serve HTTP connections.
    pub connections: TaskTracker,
    /// Sessions, from their handshake until both legs are closed.
    pub pumps: TaskTracker,
}

impl Proxy {
    /// A proxy without clients.
    #[must_use]
    pub fn new(
        serving: Arc<Serving>,
        sockets: Sockets,
        tls: ServerTls,
        access: Access,
        metrics: Arc<Metrics>,
    ) -> Proxy {
        Proxy {
            serving,
            sockets,
            access,
            tls,
            https_port: AtomicU16::new(443),
            metrics,
            access_log: AccessLog::default(),
            visits: Visits::default(),
            connections: TaskTracker::new(),
            pumps: TaskTracker::new(),
        }
    }
}
