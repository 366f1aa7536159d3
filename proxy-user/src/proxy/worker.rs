//! One of the threads that serve clients, as those that give it work see it.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::runtime::{EnterGuard, Handle};

use super::pool::Pool;
use super::{Proxy, listener};

/// A thread with a runtime of its own.
#[derive(Clone, Debug)]
pub struct Worker {
    runtime: Handle,
    /// Connections to apps that belong to this thread.
    pool: Pool,
}

impl Worker {
    /// The thread that drives this runtime.
    #[must_use]
    pub fn new(runtime: Handle) -> Worker {
        Worker { runtime, pool: Pool::default() }
    }

    /// See [`Handle::enter`].
    pub fn enter(&self) -> EnterGuard<'_> {
        self.runtime.enter()
    }

    /// Connections and sessions that it has.
    fn load(&self) -> usize {
        self.runtime.metrics().num_alive_tasks()
    }

    fn is_here(&self) -> bool {
        Handle::try_current().is_ok_and(|here| here.id() == self.runtime.id())
    }

    /// Serves a connection, which belongs to the runtime that this is called in.
    fn serve(&self, proxy: &Arc<Proxy>, stream: TcpStream, peer: SocketAddr) {
        let (proxy, pool) = (Arc::clone(proxy), self.pool.clone());
        let connections = proxy.connections.clone();
        if self.is_here() {
            connections.spawn(listener::connection(proxy, pool, stream, peer));
            return;
        }
        // An error is the connection's end, and its client's loss alone.
        let Ok(stream) = stream.into_std() else { return };
        let moved = async move {
            match TcpStream::from_std(stream) {
                Ok(stream) => listener::connection(proxy, pool, stream, peer).await,
                Err(error) => tracing::warn!(%error, "cannot watch a connection"),
            }
        };
        connections.spawn_on(moved, &self.runtime);
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
