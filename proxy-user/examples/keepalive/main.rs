//! What keepalive costs for sessions that mostly do nothing, in processor time of the proxy and in bytes on
//! the wire, beside an app that pings every session every 30 s.
//!
//!     cargo build --release && cargo run --release --example keepalive
//!
//! Both ends of all sessions are this process, in a network namespace of its own (as root), whose loopback
//! counts the bytes. The result is Markdown on standard output.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::cast_possible_truncation,
    clippy::disallowed_methods,
    reason = "a measurement, not part of the proxy"
)]

mod ends;
#[path = "../kernel_cost/machine.rs"]
mod machine;
mod subject;

use std::{
    process::Command,
    time::{Duration, Instant},
};

use clap::Parser;

use crate::{ends::Ends, subject::Subject};

#[derive(Parser)]
struct Args {
    /// The `ebbtide` binary
    #[arg(long, default_value = "target/release/ebbtide")]
    ebbtide: String,
    /// Sessions of each row
    #[arg(long, default_value_t = 9000)]
    sessions: usize,
    /// Seconds that each row is watched for; two intervals at least
    #[arg(long, default_value_t = 60)]
    seconds: u64,
}

/// Who pings, and what else goes on.
struct Row {
    name: &'static str,
    /// `keepalive.interval`.
    interval: &'static str,
    /// Time between two pings of the app to each session.
    app: Option<Duration>,
    /// Every other session says something, and is answered, this often.
    speech: Option<Duration>,
}

const PING_ALL: Option<Duration> = Some(Duration::from_secs(30));
const SPEECH: Option<Duration> = Some(Duration::from_secs(10));

const ROWS: [Row; 7] = [
    Row { name: "idle: nobody pings", interval: "off", app: None, speech: None },
    Row { name: "idle: keepalive 25s", interval: "25s", app: None, speech: None },
    Row { name: "idle: keepalive 30s", interval: "30s", app: None, speech: None },
    Row {
        name: "idle: the app pings all every 30 s",
        interval: "off",
        app: PING_ALL,
        speech: None,
    },
    Row { name: "half speak: nobody pings", interval: "off", app: None, speech: SPEECH },
    Row { name: "half speak: keepalive 30s", interval: "30s", app: None, speech: SPEECH },
    Row {
        name: "half speak: the app pings all every 30 s",
        interval: "off",
        app: PING_ALL,
        speech: SPEECH,
    },
];

fn main() {
    let args = Args::parse();
    let wire = own_network();
    descriptors();
    println!("{}", machine::describe());
    println!(
        "| {} sessions | CPU ms per second | pings to clients per second | to apps | TCP/IP bytes per \
         session per hour | packets |\n| --- | ---: | ---: | ---: | ---: | ---: |",
        args.sessions
    );
    for row in &ROWS {
        measure(&args, row, wire);
    }
}

fn measure(args: &Args, row: &Row, wire: bool) {
    let mut ends = Ends::new(row.app, row.speech);
    let subject = Subject::start(&args.ebbtide, ends.address(), row.interval);
    for _ in 0..args.sessions {
        ends.open(subject.address);
    }
    eprintln!("{}: {} sessions are open", row.name, args.sessions);
    // Until everybody has been pinged once.
    ends.run(Duration::from_secs(args.seconds.min(32)));
    let (pings, cpu, lo) = (subject.pings(), subject.cpu(), loopback());
    let start = Instant::now();
    ends.run(Duration::from_secs(args.seconds));
    let seconds = start.elapsed().as_secs_f64();
    let now = loopback();
    let cpu = (subject.cpu() - cpu).as_secs_f64() * 1e3 / seconds;
    let after = subject.pings();
    let rate = |before: u64, after: u64| (after - before) as f64 / seconds;
    let [clients, apps] = [rate(pings[0], after[0]), rate(pings[1], after[1])];
    let hourly = |before: u64, after: u64| {
        let per_hour = rate(before, after) * 3600.0 / args.sessions as f64;
        if wire { format!("{per_hour:.0}") } else { "-".to_owned() }
    };
    assert_eq!(ends.living(), args.sessions, "sessions were lost");
    println!(
        "| {} ({}) | {cpu:.2} | {clients:.0} | {apps:.0} | {} | {} |",
        row.name,
        subject.source(),
        hourly(lo[0], now[0]),
        hourly(lo[1], now[1]),
    );
}

/// Puts this process into a network of its own, so that nobody else's bytes are counted. False without the
/// privilege.
fn own_network() -> bool {
    // SAFETY: takes a plain number; no other thread runs yet.
    let alone = unsafe { libc::unshare(libc::CLONE_NEWNET) } == 0;
    alone && Command::new("ip").args(["link", "set", "lo", "up"]).status().unwrap().success()
}

/// IP bytes and packets that loopback has carried.
fn loopback() -> [u64; 2] {
    const ETHERNET: u64 = 14;
    let text = std::fs::read_to_string("/proc/thread-self/net/dev").unwrap();
    let line = text.lines().find_map(|line| line.trim().strip_prefix("lo:")).unwrap();
    let mut numbers = line.split_whitespace().map(|word| word.parse::<u64>().unwrap());
    let (bytes, packets) = (numbers.next().unwrap(), numbers.next().unwrap());
    [bytes - ETHERNET * packets, packets]
}

/// As many descriptors as a process may have; children inherit it.
fn descriptors() {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: both calls take one live structure.
    unsafe {
        libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit);
        limit.rlim_cur = limit.rlim_max;
        libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit);
    }
}
