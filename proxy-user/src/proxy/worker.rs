//! Handles to the workers that serve clients.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::runtime::{EnterGuard, Handle};

use super::forward::Outgoing;
use super::{Proxy, listener, redirect};
use crate::pump::Pumps;
use crate::upstream::Pool;

/// Shorter than the timers that requests set.
const PACE: Duration = Duration::from_secs(1);

/// A thread with its own runtime for HTTP, and a thread that runs the resulting sessions.
#[derive(Clone, Debug)]
pub struct Worker {
    runtime: Handle,
    here: Here,
}

/// One worker's own data.
#[derive(Clone, Debug)]
pub(super) struct Here {
    /// Connections to apps.
    pub(super) pool: Pool<Outgoing>,
    /// Runs its sessions.
    pub(super) pumps: Pumps,
}

/// What connections are accepted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The apps.
    Apps,
    /// To be sent to `https`.
    Redirect,
}

impl Worker {
    /// A worker for this runtime and these pumps.
    #[must_use]
    pub fn new(runtime: Handle, pumps: Pumps) -> Worker {
        runtime.spawn(pace());
        Worker { runtime, here: Here { pool: Pool::new(), pumps } }
    }

    /// Ends its sessions at once.
    pub fn stop(&self) {
        self.here.pumps.stop();
    }

    /// See [`Handle::enter`].
    pub fn enter(&self) -> EnterGuard<'_> {
        self.runtime.enter()
    }

    /// The number of its connections and sessions.
    fn load(&self) -> usize {
        self.runtime.metrics().num_alive_tasks() + self.here.pumps.load()
    }

    fn is_here(&self) -> bool {
        Handle::try_current().is_ok_and(|here| here.id() == self.runtime.id())
    }

    /// Serves a connection, which is registered with the current runtime.
    fn serve(&self, proxy: &Arc<Proxy>, purpose: Purpose, stream: TcpStream, peer: SocketAddr) {
        let (proxy, here) = (Arc::clone(proxy), self.here.clone());
        let connections = proxy.connections.clone();
        if self.is_here() {
            connections.spawn(connection(proxy, here, purpose, stream, peer));
            return;
        }
        // An error affects only this connection.
        let Ok(stream) = stream.into_std() else { return };
        let moved = async move {
            match TcpStream::from_std(stream) {
                Ok(stream) => connection(proxy, here, purpose, stream, peer).await,
                Err(error) => tracing::warn!(%error, "cannot watch a connection"),
            }
        };
        connections.spawn_on(moved, &self.runtime);
    }
}

async fn connection(
    proxy: Arc<Proxy>,
    here: Here,
    purpose: Purpose,
    stream: TcpStream,
    peer: SocketAddr,
) {
    match purpose {
        Purpose::Apps => listener::connection(proxy, here, stream, peer).await,
        // Boxed, because most connections are for apps, and live longer.
        Purpose::Redirect => Box::pin(redirect::connection(proxy, stream, peer)).await,
    }
}

/// A periodic timer that fires before any request's timer. For each timer that is earlier than all others,
/// tokio wakes its driver with a system call; on a quiet worker that would be every timer.
async fn pace() {
    loop {
        tokio::time::sleep(PACE).await;
    }
}

/// Gives a connection to the least busy worker. Sessions last for hours, so an uneven distribution by a
/// hash of addresses (`SO_REUSEPORT`) would stay uneven.
pub(super) fn serve(
    workers: &[Worker],
    proxy: &Arc<Proxy>,
    purpose: Purpose,
    (stream, peer): (TcpStream, SocketAddr),
) {
    if let Some(worker) = workers.iter().min_by_key(|worker| worker.load()) {
        worker.serve(proxy, purpose, stream, peer);
    }
}
