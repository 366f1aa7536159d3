//! `ebbtide observe`: the same rows and verdicts for the sockets of other processes, with no proxy in
//! their path.
//!
//! The path of a socket: announced by the kernel program (`sockets::foreign`) or found in the kernel's list
//! (`lists`), watched in `table`, judged by `core`. Nothing here forwards a byte, and without `reap`
//! nothing is changed.

mod admin;
mod lists;
mod members;
mod metrics;
mod table;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use parking_lot::{Mutex, MutexGuard};
use tokio::time::MissedTickBehavior;

use self::lists::Lists;
use self::table::Table;
use crate::admin::Guard;
use crate::clock;
use crate::config::{Config, SocketSource};
use crate::doctor::capabilities;
use crate::listen;
use crate::sockets::diag::Diag;
use crate::sockets::{Arrivals, ForeignSockets, Options, Probe, SourceWish};

/// Time between two sweeps. A stall is noticed at most one sweep after its bytes began to wait, and
/// acted upon at most one after the grace period.
const PERIOD: Duration = Duration::from_millis(500);
/// More ports than anyone listens on with one server; the kernel's filter takes a thousand.
const MOST_PORTS: usize = 1_000;

/// What to observe.
#[derive(Clone, Debug)]
pub struct Task {
    /// cgroup v2 directory in which the server's sockets are created.
    pub cgroup: PathBuf,
    /// Local ports of its connections, at least 1 and at most 1,000.
    pub ports: Vec<u16>,
    /// Destroy what is stalled.
    pub reap: bool,
    /// No progress for this long with bytes queued is a stall.
    pub grace: Duration,
}

/// Why a [`Task`] is not possible.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// The folder is not a cgroup.
    #[error("--cgroup {0}: not a cgroup v2 directory (it has no cgroup.procs)")]
    NoCgroup(PathBuf),
    /// No port, or too many.
    #[error("--port: {0} ports; give 1 to 1000")]
    Ports(usize),
}

impl Task {
    /// Checks whether it can be started.
    ///
    /// # Errors
    /// See [`TaskError`].
    pub fn check(&self) -> Result<(), TaskError> {
        if !self.cgroup.join(members::PROCESSES).is_file() {
            return Err(TaskError::NoCgroup(self.cgroup.clone()));
        }
        match self.ports.len() {
            1..=MOST_PORTS => Ok(()),
            count => Err(TaskError::Ports(count)),
        }
    }
}

/// A task, with its admin address, source and token.
#[derive(Debug)]
pub struct Setup {
    /// What to observe.
    pub task: Task,
    /// `admin`, `admin_token_file`, `admin_hosts` and `sockets.source` of it are used.
    pub config: Config,
}

/// What the sweep and the admin address share.
#[derive(Debug)]
struct Observer {
    table: Mutex<Table>,
}

impl Observer {
    fn table(&self) -> MutexGuard<'_, Table> {
        // After a panic in a sweep, every socket is still either in or out of the table.
        self.table.lock()
    }
}

/// Observes until the task is dropped.
///
/// # Errors
/// Anything that keeps it from starting: the admin address is taken, the token file cannot be read, the
/// kernel programs were asked for by name and are refused, or `reap` is set and sockets cannot be
/// destroyed.
pub async fn run(setup: Setup) -> Result<()> {
    let Setup { task, config } = setup;
    if task.reap {
        can_destroy()?;
    }
    let guard = Guard::read(&config)?;
    let listener = listen::bind(config.admin)?;
    tracing::info!(address = %listener.local_addr()?, "admin listening");
    let mut sockets = open(&task, &config)?;
    let arrivals = sockets.arrivals().context("cannot watch for new connections")?;
    let lists = Lists::new(task.cgroup.clone(), task.ports.clone());
    let mut table = Table::new(sockets, lists, task.grace, task.reap);
    table.set_announced(arrivals.is_some());
    let table = Mutex::new(table);
    let observer = Arc::new(Observer { table });
    tokio::select! {
        () = watch(&observer, arrivals) => Ok(()),
        result = admin::serve(Arc::clone(&observer), listener, guard) => Ok(result?),
    }
}

fn open(task: &Task, config: &Config) -> Result<ForeignSockets> {
    let options = Options {
        source: match config.sockets.source {
            SocketSource::Auto => SourceWish::Auto,
            SocketSource::Ebpf => SourceWish::Ebpf,
            SocketSource::TcpInfo => SourceWish::TcpInfo,
        },
        cgroup: Some(task.cgroup.clone()),
        max_legs: config.sockets.max_legs,
    };
    let sockets = ForeignSockets::open(&options, &task.ports, &Probe::ALL).context(
        "the source \"ebpf\" is not available (\"auto\" would read the kernel's list instead)",
    )?;
    tracing::info!(
        cgroup = %task.cgroup.display(),
        ports = ?task.ports,
        grace = ?task.grace,
        reap = task.reap,
        source = %sockets.source(),
        reason = sockets.reason(),
        "observing"
    );
    Ok(sockets)
}

/// Finds out now rather than at the first stall.
fn can_destroy() -> Result<()> {
    let known = Diag::open().and_then(|mut diag| diag.can_destroy());
    ensure!(
        known.context("--reap: the kernel's list of sockets cannot be had (CONFIG_INET_DIAG)")?,
        "--reap: the kernel is built without CONFIG_INET_DIAG_DESTROY"
    );
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    ensure!(
        capabilities::effective(&status).iter().any(|name| name == "CAP_NET_ADMIN"),
        "--reap: destroying sockets needs CAP_NET_ADMIN"
    );
    Ok(())
}

async fn watch(observer: &Observer, mut arrivals: Option<Arrivals>) {
    let mut ticks = tokio::time::interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                let start = clock::now();
                observer.table().sweep(start);
                tracing::trace!(took = ?clock::elapsed(start), "sweep");
            }
            announced = next(&mut arrivals) => match announced {
                Ok(cookies) => {
                    let (mut table, now) = (observer.table(), clock::now());
                    cookies.into_iter().for_each(|cookie| table.announce(cookie, now));
                }
                Err(error) => {
                    tracing::error!(%error, "new connections are found by listing only");
                    observer.table().set_announced(false);
                    arrivals = None;
                }
            },
        }
    }
}

async fn next(arrivals: &mut Option<Arrivals>) -> std::io::Result<Vec<u64>> {
    match arrivals {
        Some(arrivals) => arrivals.next().await,
        None => std::future::pending().await,
    }
}
