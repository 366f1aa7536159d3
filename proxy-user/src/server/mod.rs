//! The parts of a running proxy, started in order and stopped in order.

mod drain;
mod loaded;
mod reload;
mod workers;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use self::loaded::LoadedConfig;
use self::workers::Workers;
use crate::access::Access;
use crate::activity::Reporter;
use crate::admin::{self, Admin};
use crate::config::{App, Config, Driver, SocketSource};
use crate::core::listening::ListenAddress;
use crate::drivers::process::Supervisor;
use crate::keeper::Keeper;
use crate::listen::{self, Doors, Entry, ListenError, Listener, Opened, Passed};
use crate::metrics::Metrics;
use crate::notify::Notifier;
use crate::packs::Packs;
use crate::proxy::{self, Proxy, Purpose};
use crate::serving::Serving;
use crate::sockets::{Options, Sockets, SourceWish};
use crate::tls::ServerTls;
use crate::{descriptors, privileges, reaper, shadow};

/// How long plain requests and closing sessions may take once the sessions are told.
const LAST_REQUESTS: Duration = Duration::from_secs(6);

/// The protocols that browsers are offered inside TLS (RFC 7301).
const ALPN: [&str; 1] = ["http/1.1"];

/// Browsers would be sent to an address where nobody understands them.
const REDIRECT_WITHOUT_TLS: &str = "a socket named \"redirect\" was passed, but there is no [tls] in the \
                                    configuration; add it, or remove the socket unit";

/// Resources that are opened before threads are started and capabilities dropped.
#[derive(Debug)]
pub struct Resources {
    /// The socket table.
    pub sockets: Sockets,
    /// The supervisor of apps that are child processes; `None` = none configured at the start.
    pub processes: Option<Arc<Supervisor>>,
}

/// A running proxy.
#[derive(Debug)]
pub struct Server {
    /// Serves browsers.
    pub proxy: Arc<Proxy>,
    admin: Arc<Admin>,
    /// Where browsers connect.
    doors: Doors,
    /// Where they are sent to `https`.
    redirect_doors: Doors,
    /// Where metrics, health and the API are.
    admin_doors: Doors,
    /// The threads that serve them.
    workers: Workers,
    /// Tasks that end with the server: the sweep, the shadow, the kernel programs' log.
    others: Vec<JoinHandle<()>>,
    keeper: Keeper,
    reporter: Arc<Reporter>,
    /// Stops the reports, and the task that sends them.
    reporting: (oneshot::Sender<()>, JoinHandle<()>),
    notifier: Notifier,
    /// The configuration at the start: some keys cannot change later.
    started: Config,
}

impl Server {
    /// Starts everything that `config` asks for, with the result of [`open`]. Sockets in `passed` replace
    /// the configured addresses. Needs a tokio runtime.
    ///
    /// # Errors
    /// Anything that keeps it from starting: an address that is taken, a token file that cannot be
    /// read.
    pub fn start(
        config: Config,
        packs: &Packs,
        Resources { sockets, processes }: Resources,
        entry: Entry,
        passed: Passed,
    ) -> Result<Server> {
        descriptors::prepare(config.limits.sessions);
        let kernel_log = sockets.start_logging().context("cannot read the kernel programs' log")?;
        let started = config.clone();
        let LoadedConfig { config, books, guard, reports, notify } =
            LoadedConfig::new(config, packs)?;
        let admin = match passed.admin {
            Some(socket) => Opened::passed(socket)?,
            None => Opened::open(config.admin_address(), entry)?,
        };
        ask_for_token(&config, admin.address())?;
        ensure!(passed.redirect.is_empty() || config.tls.is_some(), REDIRECT_WITHOUT_TLS);
        let workers = Workers::start(config.workers).context("cannot start the workers")?;
        let (opened, redirects) = {
            let _first = workers.enter();
            let opened = open_all(passed.proxy, config.listen_addresses(), entry)?;
            (opened, open_all(passed.redirect, config.redirect_addresses(), entry)?)
        };
        let access = Access::new()?;
        let tls = ServerTls::new(&ALPN).context("cannot prepare TLS")?;
        tls.set(config.certificates());
        let serving = Arc::new(Serving::new(config, books));
        let metrics = Arc::new(Metrics::new()?);
        let predecessor = match entry {
            Entry::Takeover(id) => Some(id),
            Entry::Alone => None,
        };
        // Before anything can happen.
        let notifier = Notifier::start(serving.events.clone(), Arc::clone(&metrics), notify);
        let keeper =
            Keeper::start(Arc::clone(&serving), Arc::clone(&metrics), processes, predecessor);
        let mut others = vec![
            tokio::spawn(reaper::run(Arc::clone(&serving), sockets.clone(), Arc::clone(&metrics))),
            tokio::spawn(shadow::run(Arc::clone(&serving))),
        ];
        others.extend(kernel_log);
        let (stop, stopped) = oneshot::channel();
        let reporter = Reporter::new(Arc::clone(&serving), Arc::clone(&metrics), reports);
        let reporter = Arc::new(reporter);
        let reporting = (stop, tokio::spawn(Arc::clone(&reporter).run(stopped)));
        let admin_side =
            Admin::new(Arc::clone(&serving), sockets.clone(), Arc::clone(&metrics), guard);
        let proxy = Arc::new(Proxy::new(serving, sockets, tls, access, metrics));
        loaded::set_access_log(&proxy.access_log, started.log.access)?;
        let mut server = Server {
            proxy,
            admin: Arc::new(admin_side),
            doors: Doors::default(),
            redirect_doors: Doors::default(),
            admin_doors: Doors::default(),
            workers,
            others,
            keeper,
            reporter,
            reporting,
            notifier,
            started,
        };
        server.serve_admin(admin);
        opened.into_iter().for_each(|opened| server.serve(opened));
        server.name_https_port();
        redirects.into_iter().for_each(|opened| server.serve_redirect(opened));
        Ok(server)
    }

    fn serve(&mut self, opened: Opened) {
        tracing::info!(address = %opened.address(), "proxy listening");
        let (proxy, workers) = (Arc::clone(&self.proxy), self.workers.each());
        let _first = self.workers.enter();
        let serve = |listener: Listener| proxy::serve(proxy, workers, Purpose::Apps, listener);
        self.doors.add(opened, serve);
    }

    fn serve_redirect(&mut self, opened: Opened) {
        tracing::info!(address = %opened.address(), "redirect to https listening");
        let (proxy, workers) = (Arc::clone(&self.proxy), self.workers.each());
        let _first = self.workers.enter();
        let serve = |listener: Listener| proxy::serve(proxy, workers, Purpose::Redirect, listener);
        self.redirect_doors.add(opened, serve);
    }

    /// Says where browsers are sent to: to the usual port if it is ours.
    fn name_https_port(&self) {
        let ports: Vec<u16> = self.addresses().iter().map(SocketAddr::port).collect();
        let port = ports.iter().find(|port| **port == 443).or(ports.first());
        self.proxy.https_port.store(port.copied().unwrap_or(443), Ordering::Relaxed);
    }

    fn serve_admin(&mut self, opened: Opened) {
        tracing::info!(address = %opened.address(), "admin listening");
        let admin = Arc::clone(&self.admin);
        self.admin_doors.add(opened, |listener: Listener| admin::serve(admin, listener));
    }

    /// Where browsers connect, ports filled in.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.doors.addresses()
    }

    /// Where metrics, health and the API are, port filled in.
    #[must_use]
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin_doors.addresses().first().copied()
    }

    /// Stops in order: refuses new sessions, tells open sessions one after the other over `drain`, finishes
    /// requests in progress, sends the last reports and notifications. `hurry` cuts all but these short.
    pub async fn stop(mut self, hurry: impl Future<Output = ()>) {
        let leave = async {
            self.drain().await;
            self.doors.close().await;
            self.redirect_doors.close().await;
            self.proxy.connections.close();
            self.proxy.pumps.close();
            let last = async {
                tokio::join!(self.proxy.connections.wait(), self.proxy.pumps.wait());
            };
            if tokio::time::timeout(LAST_REQUESTS, last).await.is_err() {
                tracing::warn!("some requests were cut off");
            }
            self.admin_doors.close().await;
        };
        tokio::select! {
            () = leave => {}
            () = hurry => tracing::warn!("told twice to stop: cutting the remaining connections"),
        }
        self.keeper.stop().await;
        self.workers.stop();
        self.others.iter().for_each(JoinHandle::abort);
        let (stop, reporter) = self.reporting;
        drop(stop);
        // Both limit their own time. A panic in the reporter has been logged.
        let _ = tokio::join!(reporter, self.notifier.stop());
        // Blocks, but nothing else is left to do.
        self.proxy.access_log.stop();
        tracing::info!("stopped");
    }
}

/// Checks whether the addresses that are not `passed` can be listened on. To be called before [`open`],
/// while this process may still see which process has an address.
///
/// # Errors
/// An address that cannot be listened on.
pub fn probe_addresses(config: &Config, passed: &Passed) -> Result<(), ListenError> {
    let admin = passed.admin.is_none().then(|| config.admin_address());
    let unless = |passed: &[_], wanted| if passed.is_empty() { wanted } else { Vec::new() };
    let listen = unless(&passed.proxy, config.listen_addresses());
    let redirect = unless(&passed.redirect, config.redirect_addresses());
    admin.into_iter().chain(listen).chain(redirect).try_for_each(listen::probe)
}

/// The sockets that were passed, or else those of the configured addresses.
fn open_all(
    passed: Vec<TcpListener>,
    configured: Vec<ListenAddress>,
    entry: Entry,
) -> Result<Vec<Opened>> {
    if passed.is_empty() {
        let opened = configured.into_iter().map(|address| Opened::open(address, entry));
        Ok(opened.collect::<Result<_, _>>()?)
    } else {
        Ok(passed.into_iter().map(Opened::passed).collect::<Result<_, _>>()?)
    }
}

/// # Errors
/// Other machines can reach the admin address without a token.
fn ask_for_token(config: &Config, admin: SocketAddr) -> Result<()> {
    ensure!(
        !config.needs_token_at(admin),
        "the admin socket that was passed listens on {admin}, which other machines can reach; set \
         admin_token_file, or give its socket unit a loopback address"
    );
    Ok(())
}

/// Prepares cgroups for apps that are child processes, opens the socket table, and drops the capabilities
/// that this needed. Must come before threads are started.
///
/// # Errors
/// `sockets.source = "ebpf"` and the kernel refuses, or capabilities cannot be dropped.
pub fn open(config: &Config) -> Result<Resources> {
    let is_process = |app: &App| matches!(app.driver, Some(Driver::Process(_)));
    // First, because the kernel programs are attached to the cgroup that this process is then in.
    let processes = config.apps.iter().any(is_process).then(Supervisor::prepare);
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
    Ok(Resources { sockets, processes })
}
