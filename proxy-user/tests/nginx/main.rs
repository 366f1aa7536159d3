//! What the keepalive is for: an nginx in front of the proxy and another behind it, which cut what is
//! silent for too long. nginx reads from its upstream with a time limit, so the one in front wants
//! pings to clients, and the one behind it the app's pongs.
//!
//! In short by default; as the proof of three minutes, with 200 sessions and nginx's time limit at 10 s:
//!
//!     EBBTIDE_NGINX=1 cargo test --test nginx -- --nocapture
//!
//! Without nginx all of it is listed as ignored.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test that cannot go on stops and says why"
)]

#[path = "../harness/mod.rs"]
mod harness;

mod crowd;
mod server;

use std::time::Duration;

use crowd::{Crowd, Manners};
use harness::app::App;
use harness::setup::Setup;
use harness::wait::{Stopwatch, pause};
use libtest_mimic::{Arguments, Failed, Trial};
use server::Nginx;

/// How large and how long.
#[derive(Clone, Copy)]
struct Scale {
    sessions: usize,
    /// nginx's time limits.
    limit: Duration,
    /// `keepalive.interval`.
    interval: &'static str,
    /// How long the sessions are watched.
    time: Duration,
}

const SHORT: Scale = Scale {
    sessions: 20,
    limit: Duration::from_secs(4),
    interval: "1s",
    time: Duration::from_secs(13),
};
const LONG: Scale = Scale {
    sessions: 200,
    limit: Duration::from_secs(10),
    interval: "5s",
    time: Duration::from_secs(180),
};

/// Watches idle sessions, and gives those that live at the end and the pings that were sent.
fn watch(scale: Scale, interval: &str, manners: Manners) -> (usize, u64) {
    let app = App::listen();
    let behind = Nginx::start(app.address(), scale.limit);
    let setup = Setup::demo(behind.address()).keepalive(interval, "20s");
    let proxy = setup.start();
    let front = Nginx::start(proxy.address(), scale.limit);
    let mut crowd = Crowd::open(front.address(), app, scale.sessions, manners);
    assert_eq!(proxy.metrics().count("ebbtide_sessions", &[]), scale.sessions as u64);
    let watch = Stopwatch::start();
    while watch.elapsed() < scale.time {
        crowd.step();
        pause(Duration::from_millis(20));
    }
    let living = crowd.living();
    let metrics = proxy.metrics();
    let pings = metrics.count("ebbtide_pings_total", &[]);
    assert_eq!(metrics.count("ebbtide_reaped_total", &[("leg", "client")]), 0, "reaped");
    println!(
        "{} sessions, nginx's limit {:?}, keepalive {interval}, {manners:?} clients: {living} live \
         after {:?}; {pings} pings",
        scale.sessions, scale.limit, scale.time
    );
    (living, pings)
}

fn with(scale: Scale) -> Result<(), Failed> {
    let (living, pings) = watch(scale, scale.interval, Manners::Answering);
    assert_eq!(living, scale.sessions);
    assert!(pings > 0);
    Ok(())
}

fn without(scale: Scale) -> Result<(), Failed> {
    assert_eq!(watch(scale, "off", Manners::Answering), (0, 0));
    Ok(())
}

fn broken_library(scale: Scale) -> Result<(), Failed> {
    let (living, _) = watch(scale, scale.interval, Manners::SendingOnly);
    assert_eq!(living, scale.sessions);
    Ok(())
}

fn main() {
    let mut arguments = Arguments::from_args();
    // They wait more than they work.
    arguments.test_threads.get_or_insert(3);
    let scale = if std::env::var_os("EBBTIDE_NGINX").is_some() { LONG } else { SHORT };
    let missing = !server::is_installed();
    let trial = |name, test: fn(Scale) -> Result<(), Failed>| {
        let trial = Trial::test(name, move || test(scale)).with_ignored_flag(missing);
        if missing { trial.with_kind("nginx is not installed") } else { trial }
    };
    let trials = vec![
        trial("idle_sessions_live_with_keepalive", with),
        trial("idle_sessions_are_cut_without", without),
        trial("clients_that_send_but_answer_no_pings_live", broken_library),
    ];
    libtest_mimic::run(&arguments, trials).exit();
}
