//! The parts of a running proxy, started in order and stopped in order.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::admin;
use crate::config::{Config, SocketSource};
use crate::core::ending::Cause;
use crate::metrics::Metrics;
use crate::packs::Packs;
use crate::proxy::{self, Phase, Plan, Proxy};
use crate::sockets::{Options, Sockets, SourceWish};
use crate::{activity, descriptors, privileges, reaper, shadow};

/// How long plain requests and farewells may take once the sessions are told.
const LAST_REQUESTS: Duration = Duration::from_secs(6);
/// How often the drain looks whether sessions are left.
const LOOK: Duration = Duration::from_millis(50);

/// A proxy that serves.
#[derive(Debug)]
pub struct Server {
    /// What it serves.
    pub proxy: Arc<Proxy>,
    /// Where browsers connect, ports filled in.
    pub listen: Vec<SocketAddr>,
    /// Where metrics, health and the API are, port filled in.
    pub admin: SocketAddr,
    acceptors: Vec<JoinHandle<()>>,
    /// Tasks that end with the server: the sweep, the shadow, the admin address, the kernel programs' log.
    others: Vec<JoinHandle<()>>,
    reporter: (oneshot::Sender<()>, JoinHandle<()>),
}

impl Server {
    /// Starts everything that `config` asks for, over a table from [`open_sockets`]. Needs a tokio
    /// runtime.
    ///
    /// # Errors
    /// Anything that keeps it from starting: an address that is taken, a token file that cannot be
    /// read.
    pub fn start(config: Config, sockets: Sockets) -> Result<Server> {
        descriptors::prepare(config.limits.sessions);
        let kernel_log = sockets.start_logging().context("cannot read the kernel programs' log")?;
        let packs = Packs::open(config.pack_dir.as_deref())?;
        let (admin_listener, admin) = listen(config.admin, "admin listening")?;
        let mut listeners = Vec::new();
        let mut addresses = Vec::new();
        for &address in &config.listen {
            let (listener, address) = listen(address, "proxy listening")?;
            listeners.push(listener);
            addresses.push(address);
        }
        let proxy = Arc::new(Proxy::new(Plan::new(config, &packs)?, sockets, Metrics::new()?));
        let serve = |listener| tokio::spawn(proxy::serve(Arc::clone(&proxy), listener));
        let acceptors = listeners.into_iter().map(serve).collect();
        let mut others = vec![
            tokio::spawn(admin::serve(Arc::clone(&proxy), admin_listener)),
            tokio::spawn(reaper::run(Arc::clone(&proxy))),
            tokio::spawn(shadow::run(Arc::clone(&proxy))),
        ];
        others.extend(kernel_log);
        let (stop, stopped) = oneshot::channel();
        let reporter = (stop, tokio::spawn(activity::run(Arc::clone(&proxy), stopped)));
        Ok(Server { proxy, listen: addresses, admin, acceptors, others, reporter })
    }

    /// Leaves in order: no new sessions, `drain` for those that live to end by themselves, Close
    /// 1012 to the rest, the end of the requests under way, the last reports. `hurry` cuts it short
    /// but for the reports.
    pub async fn stop(self, hurry: impl Future<Output = ()>) {
        let leave = async {
            self.drain().await;
            self.acceptors.iter().for_each(JoinHandle::abort);
            self.proxy.connections.close();
            self.proxy.pumps.close();
            let last = async {
                tokio::join!(self.proxy.connections.wait(), self.proxy.pumps.wait());
            };
            if tokio::time::timeout(LAST_REQUESTS, last).await.is_err() {
                tracing::warn!("some requests were cut off");
            }
        };
        tokio::select! {
            () = leave => {}
            () = hurry => tracing::warn!("told twice to stop: cutting what is left"),
        }
        self.others.iter().for_each(JoinHandle::abort);
        let (stop, reporter) = self.reporter;
        drop(stop);
        // It bounds its own last words. A panic in it has been logged.
        let _ = reporter.await;
        tracing::info!("stopped");
    }

    async fn drain(&self) {
        let proxy = &self.proxy;
        let drain = proxy.served().config.drain;
        proxy.phase.send_replace(Phase::Draining);
        tracing::info!(sessions = proxy.registry.len(), ?drain, "draining");
        let empty = async {
            while !(proxy.registry.is_empty() && proxy.connections.is_empty()) {
                tokio::time::sleep(LOOK).await;
            }
        };
        // How many are left is what matters, not that the time is over.
        let _ = tokio::time::timeout(drain, empty).await;
        // In this order: a handshake that ends from here on sees the phase and tells its session.
        proxy.phase.send_replace(Phase::Closing);
        let sessions = proxy.registry.len();
        if sessions > 0 {
            tracing::info!(sessions, "telling the sessions that are left");
        }
        proxy.registry.each(|watched| {
            watched.session.end(Cause::Shutdown);
        });
    }
}

/// Opens the socket table, and gives up the capabilities that this took. Must come before threads
/// are started.
///
/// # Errors
/// `sockets.source = "ebpf"` where the kernel refuses, or capabilities that cannot be given up.
pub fn open_sockets(config: &Config) -> Result<Sockets> {
    let options = Options {
        source: match config.sockets.source {
            SocketSource::Auto => SourceWish::Auto,
            SocketSource::Ebpf => SourceWish::Ebpf,
            SocketSource::TcpInfo => SourceWish::TcpInfo,
        },
        cgroup: config.sockets.cgroup.clone(),
        max_legs: config.sockets.max_legs,
    };
    let sockets = Sockets::open(&options)?;
    tracing::info!(source = %sockets.source(), reason = sockets.reason(), "socket source");
    let kept = privileges::drop_all_but_needed(&sockets)?;
    tracing::debug!(?kept, "capabilities given up");
    Ok(sockets)
}

fn listen(address: SocketAddr, message: &str) -> Result<(TcpListener, SocketAddr)> {
    let listener = proxy::bind(address).with_context(|| format!("cannot listen on {address}"))?;
    let address = listener.local_addr()?;
    tracing::info!(%address, "{message}");
    Ok((listener, address))
}
