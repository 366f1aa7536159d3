//! `ebbtide demo`: a small app behind a real proxy, clients that behave well and badly, and the proxy's
//! verdicts on them.
//!
//! A thin shell: it starts the parts and the clock. `verdict` interprets a session's figures and `table`
//! lays them out; both are pure. Nothing here may decide for the proxy, and nothing shown is made up: every
//! figure is read from the running proxy (`watch`).

mod app;
mod clients;
mod screen;
mod table;
mod verdict;
mod watch;
mod ws;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::net::TcpListener;
use tokio::sync::watch as channel;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use self::clients::Kind;
use self::screen::Screen;
use self::table::Header;
use self::watch::Watcher;
use crate::clock;
use crate::config::{self, Config, HostPattern, Upstream};
use crate::core::listening::reachable;
use crate::core::time::Nanos;
use crate::listen::{self, Entry, Passed};
use crate::packs::Packs;
use crate::server::{Resources, Server};
use crate::signals::Stop;

/// No progress for this long = reaped. Short, so that it can be seen; the slow client's longest gap
/// is about a second.
const GRACE: Duration = Duration::from_secs(6);
/// Time between two reads of the proxy's state.
const LOOK: Duration = Duration::from_millis(250);
/// Reads per redraw.
const PICTURE: u32 = 4;
/// The pack that ignores the page's own requests: its name and content.
const PACK: (&str, &str) = ("demo", include_str!("pack.toml"));

/// How the demo runs.
#[derive(Debug)]
pub struct Setup {
    /// Addresses and source. The demo chooses the apps, the grace period and the drain by itself.
    pub config: Config,
    /// Whether another port may be used if the one in `config.listen` is in use.
    pub any_port: bool,
    /// The same for `config.admin`.
    pub any_admin_port: bool,
    /// When it ends by itself; `None` = on a signal.
    pub duration: Option<Duration>,
}

/// Runs the demo to its end with `resources` that were opened for `setup.config`. Needs a tokio runtime.
///
/// # Errors
/// What keeps the proxy or the app from starting; standard output that cannot be written.
pub async fn run(setup: Setup, resources: Resources) -> Result<()> {
    let mut stop = Stop::listen().context("cannot listen to signals")?;
    let (status, told) = channel::channel(String::new());
    let app = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("cannot start the app")?;
    let config = configure(&setup, app.local_addr()?)?;
    let mut tasks = JoinSet::new();
    tasks.spawn(app::serve(app, told));
    let server = Server::start(config, &packs()?, resources, Entry::Alone, Passed::default())?;
    let start = clock::now();
    let listen = server.addresses().first().copied().context("the proxy listens nowhere")?;
    let admin = server.admin_address().context("the admin address is gone")?;
    for kind in Kind::ALL {
        tasks.spawn(clients::live(kind, reachable(listen)));
    }
    let mut watcher = Watcher::new(&server.proxy.serving, GRACE);
    let header = Header {
        page: format!("http://{}/", reachable(listen)),
        admin: format!("http://{admin}/metrics"),
        source: server.proxy.sockets.source().to_string(),
        reason: server.proxy.sockets.reason().to_owned(),
        grace: GRACE,
        duration: setup.duration,
    };
    let mut screen = Screen::new();
    let shown = async {
        screen.greet(&header)?;
        show(&mut watcher, &mut screen, &header, &status, start).await
    };
    let shown = tokio::select! {
        shown = shown => shown,
        () = stop.asked() => Ok(()),
    };
    let now = clock::now();
    watcher.look(now);
    let summary = screen.summary(&watcher.summary(now), now.since(start));
    // This ends the page's status stream, the last request in progress.
    drop(status);
    // The clients leave before the proxy tells them to go.
    tasks.abort_all();
    server.stop(stop.asked()).await;
    match shown.and(summary) {
        // The reader of the output has stopped reading.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.context("cannot write the table"),
    }
}

/// Reads and redraws until the duration is over.
async fn show(
    watcher: &mut Watcher,
    screen: &mut Screen,
    header: &Header,
    status: &channel::Sender<String>,
    start: Nanos,
) -> io::Result<()> {
    let mut ticks = tokio::time::interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for tick in 0_u32.. {
        ticks.tick().await;
        let now = clock::now();
        let elapsed = now.since(start);
        watcher.look(now);
        if header.duration.is_some_and(|duration| elapsed >= duration) {
            break;
        }
        if tick % PICTURE == 0 {
            status.send_replace(watcher.status());
            screen.show(header, &watcher.rows(now), elapsed)?;
        }
    }
    Ok(())
}

/// The proxy's configuration: one app for each client and one for the user's browser, all served by the
/// bundled app.
fn configure(setup: &Setup, app: SocketAddr) -> Result<Config> {
    let upstream: Upstream = format!("http://{app}").parse()?;
    let mut config = setup.config.clone();
    config.stall.grace = GRACE;
    config.drain = Duration::ZERO;
    config.apps = Kind::ALL
        .map(|kind| {
            let mut app = config::App::new(kind.name().to_owned(), Some(upstream.clone()));
            app.hosts = vec![HostPattern::Exact(kind.host())];
            app
        })
        .into();
    let mut browser = config::App::new(watch::BROWSER.to_owned(), Some(upstream));
    browser.packs = vec![PACK.0.to_owned()];
    config.apps.push(browser);
    for address in &mut config.listen {
        free_port(address, setup.any_port, "the proxy")?;
    }
    free_port(&mut config.admin, setup.any_admin_port, "the admin address")?;
    Ok(config)
}

/// The built-in packs and the page's own.
fn packs() -> Result<Packs> {
    Ok(Packs::open(None)?.with(PACK.1, Path::new("built-in/demo.toml"))?)
}

/// Makes sure that `address` can be listened on; if its port is in use and another one will do, asks for
/// any port.
#[allow(clippy::print_stderr, reason = "messages to the user go to standard error")]
fn free_port(address: &mut SocketAddr, any: bool, who: &str) -> Result<()> {
    match listen::bind(*address) {
        Ok(_) => {}
        Err(error) if any && error.is_in_use() => {
            eprintln!("{address} is taken: {who} gets a free port instead");
            address.set_port(0);
        }
        Err(error) => return Err(error.into()),
    }
    Ok(())
}
