//! `kind = "process"`: the app is a child process and everything that it forks.
//!
//! The drivers of one Ebbtide share a [`Supervisor`]. A run of an app ([`run`]) has a `Group`: the cgroup that
//! its processes are in, or other means to find them. The guard kills the groups when Ebbtide is gone.

mod cgroup;
mod group;
pub mod guard;
mod leader;
mod output;
pub(crate) mod pidfd;
mod place;
mod port;
mod reap;
mod run;
mod session;
mod spawn;
mod supervisor;
mod table;
mod words;

use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::net::unix::pipe::Receiver;
use tokio::process::Child;
use tokio::runtime::Handle;
use tokio::time::timeout;

use self::group::Group;
use self::leader::Leader;
use self::output::Output;
use self::run::{Keeper, Order, Run};
use self::supervisor::Beginning;
use super::{Driver, DriverError, Listener, Papers};
use crate::config::{self, Upstream};
use crate::core::lifecycle::Observed;

pub use self::place::{PlaceError, examine};
pub use self::supervisor::Supervisor;
pub(super) use self::words::ended;

/// How long processes may take to disappear after SIGKILL. Only the kernel can keep them longer.
const AFTER_KILL: Duration = Duration::from_secs(10);

/// Starts and stops an app that is a child process.
///
/// When it is dropped, the app is killed, even while it is being started.
pub struct ProcessDriver(Arc<Inner>);

struct Inner {
    app: String,
    config: config::ProcessDriver,
    /// As configured, if it is.
    upstream: Option<Upstream>,
    listener: Listener,
    supervisor: Arc<Supervisor>,
    output: Arc<Output>,
    /// Runs its tasks.
    runtime: Handle,
    /// The port that Ebbtide chose for it.
    port: Mutex<Option<u16>>,
    /// Held while the app is started or stopped.
    turn: tokio::sync::Mutex<()>,
    run: Mutex<Option<Arc<Run>>>,
}

/// What another Ebbtide needs to continue a run, besides two descriptors: a pidfd of its first process, and the
/// read end of the pipe that it prints into.
#[derive(Serialize, Deserialize)]
struct Paper {
    group: Group,
    port: Option<u16>,
    output: Vec<String>,
}

/// Why there is no process.
struct NotStarted {
    why: String,
    /// The run that was prepared for it.
    begun: Option<(u64, Group)>,
}

impl From<String> for NotStarted {
    fn from(why: String) -> NotStarted {
        NotStarted { why, begun: None }
    }
}

impl ProcessDriver {
    /// A driver for the app with this name, which is not running. `upstream`: the address in the configuration;
    /// `None` = Ebbtide chooses a port.
    ///
    /// # Panics
    /// Outside a tokio runtime. The driver does everything in that runtime, whoever calls it.
    #[must_use]
    pub fn new(
        app: &str,
        config: config::ProcessDriver,
        upstream: Option<Upstream>,
        listener: Listener,
        supervisor: Arc<Supervisor>,
    ) -> ProcessDriver {
        ProcessDriver(Arc::new(Inner {
            app: app.to_owned(),
            config,
            upstream,
            listener,
            supervisor,
            output: Arc::new(Output::new(app)),
            runtime: Handle::current(),
            port: Mutex::new(None),
            turn: tokio::sync::Mutex::new(()),
            run: Mutex::new(None),
        }))
    }

    /// The cgroup (v2) that holds every process of the app and nothing else; `None` = it has none or is not running.
    #[must_use]
    pub fn cgroup(&self) -> Option<PathBuf> {
        self.0.running()?.group.cgroup().map(PathBuf::from)
    }

    /// Runs this to its end in the driver's own runtime, even if the caller stops waiting: a start or stop that
    /// has begun is always followed through.
    fn finish<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, DriverError>> + Send + 'static,
    ) -> BoxFuture<'_, Result<T, DriverError>> {
        let task = self.0.runtime.spawn(work);
        Box::pin(async move {
            task.await.unwrap_or_else(|_| Err(DriverError::new("Ebbtide is ending")))
        })
    }
}

impl Driver for ProcessDriver {
    fn start(&self) -> BoxFuture<'_, Result<(), DriverError>> {
        self.finish(Arc::clone(&self.0).start())
    }

    fn stop(&self) -> BoxFuture<'_, Result<(), DriverError>> {
        self.finish(Arc::clone(&self.0).stop())
    }

    fn observe(&self) -> BoxFuture<'_, Result<Observed, DriverError>> {
        let observed = match self.0.running() {
            Some(_) => Observed::Running,
            None => Observed::Suspended,
        };
        Box::pin(std::future::ready(Ok(observed)))
    }

    fn upstream(&self) -> Option<Upstream> {
        let chosen = || format!("http://127.0.0.1:{}", (*self.0.port.lock())?).parse().ok();
        self.0.upstream.clone().or_else(chosen)
    }

    fn ends_with_us(&self) -> bool {
        true
    }

    fn papers(&self) -> Option<Papers> {
        let run = self.0.running()?;
        let paper = Paper {
            group: run.group.clone(),
            port: *self.0.port.lock(),
            output: self.0.output.newest(),
        };
        let text = serde_json::to_string(&paper).ok()?;
        Some(Papers { text, descriptors: run.descriptors()? })
    }

    fn release(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            let run = self.0.run.lock().take();
            if let Some(run) = run {
                run.release();
                run.over().await;
            }
        })
    }

    fn adopt(&self, papers: Papers) -> Result<(), DriverError> {
        self.0.adopt(papers).map_err(|error| DriverError::new(error.to_string()))
    }

    fn released(&self) {
        if let Some(run) = self.0.run.lock().as_ref() {
            run.read();
        }
    }

    fn cpu_time(&self) -> Option<Duration> {
        cgroup::cpu_time(self.0.running()?.group.cgroup()?)
    }

    fn output(&self) -> Vec<String> {
        self.0.output.newest()
    }
}

impl fmt::Debug for ProcessDriver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProcessDriver")
            .field("app", &self.0.app)
            .field("command", &self.0.config.command)
            .field("run", &self.0.run.lock())
            .finish_non_exhaustive()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(port) = *self.port.lock() {
            self.supervisor.ports.give_back(port);
        }
    }
}

impl Inner {
    fn running(&self) -> Option<Arc<Run>> {
        self.run.lock().clone().filter(|run| run.is_up())
    }

    async fn start(self: Arc<Self>) -> Result<(), DriverError> {
        let _turn = self.turn.lock().await;
        if self.running().is_some() {
            return Ok(());
        }
        self.down().await?;
        let inner = Arc::clone(&self);
        let started = tokio::task::spawn_blocking(move || inner.spawn());
        let started = started.await.unwrap_or_else(|error| Err(error.to_string().into()));
        let (keeper, child, pipe, group) = match started {
            Ok(started) => started,
            Err(NotStarted { why, begun }) => {
                if let Some((id, group)) = begun {
                    self.supervisor.ended(id, &group).await;
                }
                let why = format!("cannot start the app \"{}\": {why}", self.app);
                return Err(DriverError::new(why));
            }
        };
        let leader = Leader::Own(child);
        *self.run.lock() = Some(Arc::new(Run::begin(keeper, leader, pipe, group, Order::Run)));
        Ok(())
    }

    /// Continues a run that another Ebbtide has started.
    fn adopt(&self, papers: Papers) -> io::Result<()> {
        let _inside = self.runtime.enter();
        let Paper { group, port, output } = serde_json::from_str(&papers.text)?;
        let [process, pipe] = <[OwnedFd; 2]>::try_from(papers.descriptors)
            .map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
        let leader = Leader::adopt(process)?;
        let pipe = Receiver::from_owned_fd(pipe)?;
        let id = self.supervisor.adopt(&group)?;
        if let Some(port) = port {
            self.supervisor.ports.take(port);
        }
        *self.port.lock() = port;
        self.output.restore(output);
        let keeper = self.keeper(id);
        *self.run.lock() = Some(Arc::new(Run::begin(keeper, leader, pipe, group, Order::Wait)));
        Ok(())
    }

    fn keeper(&self, id: u64) -> Keeper {
        Keeper {
            app: self.app.clone(),
            id,
            stop_timeout: self.config.stop_timeout,
            listener: Arc::clone(&self.listener),
            output: Arc::clone(&self.output),
            supervisor: Arc::clone(&self.supervisor),
        }
    }

    /// Chooses the port and starts the process. Blocks until exec(3), or while the guard does not read.
    fn spawn(&self) -> Result<(Keeper, Child, Receiver, Group), NotStarted> {
        let port = self.choose_port()?;
        if let Some(dir) = self.config.dir.as_deref().filter(|dir| !dir.is_dir()) {
            let why = format!("there is no folder {}: make it, or correct `dir`", dir.display());
            return Err(why.into());
        }
        self.output.clear();
        let Beginning { id, mut group, join } = self.supervisor.begin(&self.app)?;
        let (child, pipe) = spawn::spawn(&self.config, port, join).map_err(|error| {
            let path = self.config.env.get("PATH").cloned().or_else(|| std::env::var("PATH").ok());
            let why = words::not_started(&self.config, path.as_deref(), &error);
            NotStarted { why, begun: Some((id, group.clone())) }
        })?;
        if let Some(leader) = child.id().and_then(|id| i32::try_from(id).ok()) {
            self.supervisor.began(id, &mut group, leader);
            tracing::info!(app = self.app, port, process = leader, "the app was started");
        }
        Ok((self.keeper(id), child, pipe, group))
    }

    fn choose_port(&self) -> Result<u16, String> {
        if let Some(upstream) = &self.upstream {
            let port = upstream.port();
            return match port::is_free(port) {
                true => Ok(port),
                false => Err(format!(
                    "port {port}, which its `upstream` names, is in use: end whoever has it \
                     (`ss -ltnp 'sport = {port}'` shows that), or leave `upstream` out to have a free \
                     port chosen"
                )),
            };
        }
        let mut chosen = self.port.lock();
        let before = *chosen;
        if let Some(port) = before.filter(|port| port::is_free(*port)) {
            return Ok(port);
        }
        let ports = &self.supervisor.ports;
        let port = ports.choose().map_err(|error| format!("there is no free port: {error}"))?;
        *chosen = Some(port);
        if let Some(before) = before {
            ports.give_back(before);
            tracing::warn!(
                app = self.app,
                before,
                port,
                "the app's port is in use: it gets another"
            );
        }
        Ok(port)
    }

    async fn stop(self: Arc<Self>) -> Result<(), DriverError> {
        let _turn = self.turn.lock().await;
        let run = self.run.lock().clone();
        if let Some(run) = run {
            run.stop();
        }
        self.down().await
    }

    /// Waits until nothing is left of the previous run, which was told to end or ended by itself.
    async fn down(&self) -> Result<(), DriverError> {
        let run = self.run.lock().clone();
        let Some(run) = run else { return Ok(()) };
        let limit = self.config.stop_timeout.saturating_add(AFTER_KILL);
        if timeout(limit, run.over()).await.is_err() {
            let left = run.group.processes();
            return Err(DriverError::new(format!(
                "the app \"{}\" cannot be ended: the kernel holds its processes {left:?} although they \
                 were killed",
                self.app
            )));
        }
        *self.run.lock() = None;
        Ok(())
    }
}
