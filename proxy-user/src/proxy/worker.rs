//! One of the workers that serve clients, as those that give it work see it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::runtime::{EnterGuard, Handle};

use super::forward::Outgoing;
use super::{Proxy, listener};
use crate::pump::Pumps;
use crate::upstream::Pool;

/// Shorter than the timers that requests set.
const PACE: Duration = Duration::from_secs(1);

/// A thread with a runtime of its own for HTTP, and one that runs the sessions that come of it.
#[derive(Clone, Debug)]
pub struct Worker {
    runtime: Handle,
    here: Here,
}

/// What belongs to one worker.
#[derive(Clone, Debug)]
pub(super) struct Here {
    /// Connections to apps.
    pub(super) pool: Pool<Outgoing>,
    /// Runs its sessions.
    pub(super) pumps: Pumps,
}

impl Worker {
    /// The threads that drive this runtime and these pumps.
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

    /// Connections and sessions that it has.
    fn load(&self) -> usize {
        self.runtime.metrics().num_alive_tasks() + self.here.pumps.load()
    }

    fn is_here(&self) -> bool {
        Handle::try_current().is_ok_and(|here| here.id() == self.runtime.id())
    }

    /// Serves a connection, which belongs to the runtime that this is called in.
    fn serve(&self, proxy: &Arc<Proxy>, stream: TcpStream, peer: SocketAddr) {
        let (proxy, here) = (Arc::clone(proxy), self.here.clone());
        let connections = proxy.connections.clone();
        if self.is_here() {
            connections.spawn(listener::connection(proxy, here, stream, peer));
            return;
        }
        // An error is the connection's end, and its client's loss alone.
        let Ok(stream) = stream.into_std() else { return };
        let moved = async move {
            match TcpStream::from_std(stream) {
                Ok(stream) => listener::connection(proxy, here, stream, peer).await,
                Err(error) => tracing::warn!(%error, "cannot watch a connection"),
            }
        };
        connections.spawn_on(moved, &self.runtime);
    }
}

/// Goes off before any timer of a request. tokio wakes its driver, by a system call, for each timer that
/// is set for earlier than what the driver last knew of, which on a quiet worker is nothing.
async fn pace() {
    loop {
        tokio::time::sleep(PACE).await;
    }
}

/// Serves a connection by the worker that has the least to do. Sessions last for hours, so what a hash
/// of addresses (`SO_REUSEPORT`) leaves uneven would stay so.
pub(super) fn serve(
    workers: &[Worker],
    proxy: &Arc<Proxy>,
    (stream, peer): (TcpStream, SocketAddr),
) {
    if let Some(worker) = workers.iter().min_by_key(|worker| worker.load()) {
        worker.serve(proxy, stream, peer);
    }
}
