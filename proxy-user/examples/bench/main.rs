//! Ebbtide beside other proxies, on one machine, over one upstream. `cargo xtask bench` builds and runs it;
//! the result is Markdown on standard output, progress goes to standard error.
//!
//! This process is both ends, browser and app, in one epoll loop on the last core; each proxy runs as a
//! child on the first. So no scheduling between the two ends is part of what is measured.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::cast_possible_truncation,
    clippy::disallowed_methods,
    reason = "a measurement, not part of the proxy"
)]

mod compare;
mod ends;
mod idle;
mod instructions;
#[path = "../kernel_cost/machine.rs"]
mod machine;
#[path = "../kernel_cost/median.rs"]
mod median;
mod message;
mod plan;
mod process;
mod proxies;
mod ratio;
mod relay;
mod round;
mod settings;
mod table;

use std::{net::SocketAddr, time::Duration};

use clap::Parser;

#[derive(Parser)]
enum Task {
    /// Measures, and prints the tables
    Measure(Measure),
    /// Compares two builds, and prints a table
    Compare(Compare),
    /// A bare relay on one epoll descriptor
    RelayEpoll { listen: SocketAddr, upstream: SocketAddr, buffer: usize },
    /// A bare relay of tokio tasks
    RelayTokio { listen: SocketAddr, upstream: SocketAddr, buffer: usize },
    /// Work for an instruction counter; without a case, the cases' names
    Instructions { case: Option<String>, count: Option<usize> },
}

#[derive(clap::Args)]
struct Measure {
    /// The `ebbtide` binary
    #[arg(long)]
    ebbtide: String,
    /// Proxies whose name contains this; several = any of them
    #[arg(long)]
    proxy: Vec<String>,
    #[command(flatten)]
    common: Common,
}

#[derive(clap::Args)]
struct Compare {
    /// The `ebbtide` binary to compare with
    old: String,
    /// The `ebbtide` binary that may have become slower
    new: String,
    #[command(flatten)]
    common: Common,
}

/// What every measurement is told.
#[derive(clap::Args)]
struct Common {
    /// Loads whose name contains this; several = any of them
    #[arg(long)]
    only: Vec<String>,
    /// Rounds of each load and proxy
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds of each round
    #[arg(long, default_value_t = 0.5)]
    seconds: f64,
    /// Workers of each proxy; more than one are not pinned
    #[arg(long, default_value_t = 1)]
    workers: usize,
    /// A small plan that only proves that everything runs
    #[arg(long)]
    quick: bool,
}

impl Common {
    /// Whether a load of this name is asked for.
    fn wants(&self, load: &str) -> bool {
        chosen(load, &self.only)
    }

    /// How long a round is.
    fn time(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }
}

fn chosen(name: &str, filters: &[String]) -> bool {
    filters.is_empty() || filters.iter().any(|filter| name.contains(filter.as_str()))
}

fn main() {
    descriptors();
    match Task::parse() {
        Task::Measure(measure) => println!("{}", run(&measure)),
        Task::Compare(Compare { old, new, common }) => {
            process::pin_to_last_core();
            println!("{}\n{}", machine::describe(), compare::run(&old, &new, &common));
        }
        Task::RelayEpoll { listen, upstream, buffer } => relay::epoll(listen, upstream, buffer),
        Task::RelayTokio { listen, upstream, buffer } => relay::tokio(listen, upstream, buffer),
        Task::Instructions { case: Some(case), count } => {
            instructions::run(&case, count.unwrap_or(1));
        }
        Task::Instructions { case: None, .. } => {
            instructions::CASES.iter().for_each(|(name, _)| println!("{name}"));
        }
    }
}

fn run(measure: &Measure) -> String {
    let Measure { ebbtide, proxy, common } = measure;
    let (mut loads, idle) = plan::of(common.quick);
    loads.retain(|load| common.wants(&load.name()));
    let idle: Vec<usize> =
        idle.into_iter().filter(|count| common.wants(&idle::name(*count))).collect();
    process::pin_to_last_core();
    let mut ends = ends::Ends::new();
    let programs = proxies::Programs { ebbtide: ebbtide.clone(), workers: common.workers };
    let kinds: Vec<_> =
        proxies::KINDS.into_iter().filter(|kind| chosen(kind.name(), proxy)).collect();
    let mut parts = vec![machine::describe()];
    let mut versions = Vec::new();
    if !loads.is_empty() {
        let running: Vec<_> =
            kinds.iter().filter_map(|kind| programs.start(*kind, ends.address())).collect();
        versions = running.iter().map(proxies::Running::described).collect();
        let found = round::all(&mut ends, &running, &loads, common.rounds, common.time());
        parts.push(table::loads(&loads, &running, &found));
    }
    if !idle.is_empty() {
        let (found, seen) = idle::all(&mut ends, &programs, &kinds, &idle, common.quick);
        versions = seen;
        parts.push(idle::table(&found));
    }
    parts.insert(1, format!("{}.\n", versions.join("; ")));
    parts.join("\n")
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
