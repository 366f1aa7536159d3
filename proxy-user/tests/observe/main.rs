//! `ebbtide observe` against servers that know nothing of it.
//!
//! All trials need root: the process moves into a cgroup of its own, whose sockets are observed, and
//! back at the end. `incident` needs Python and PyPI too, `probe` a kernel that takes the probe. What
//! cannot run is listed as ignored, by name, with its reason on standard error.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that cannot go on stops and says why"
)]

#[path = "../harness/mod.rs"]
mod harness;

mod incident;
mod observer;
mod probe;
mod python;
mod scene;
mod wedge;

use std::process::ExitCode;
use std::sync::Arc;

use ebbtide::sockets::Probe;
use libtest_mimic::{Arguments, Trial};
use observer::Source;
use python::Python;
use scene::Home;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // The trials wait more than they work: more of them at once than there are cores.
    arguments.test_threads.get_or_insert(6);
    let home = Home::enter();
    if let Err(reason) = &home {
        eprintln!("all trials are ignored: no cgroup of its own: {reason}");
    }
    let home = home.ok().map(Arc::new);
    let mut trials = Vec::new();
    for source in [Source::Ebpf, Source::TcpInfo] {
        let refused = source.refused();
        if let Some(reason) = &refused {
            eprintln!("{} is ignored: {reason}", source.module());
        }
        for (name, trial) in wedge::TRIALS {
            let home = home.clone();
            let ignored = refused.is_some() || home.is_none();
            let run = move || home.map_or_else(|| Err("no cgroup".into()), |h| trial(&h, source));
            let name = format!("{}::{name}", source.module());
            trials.push(Trial::test(name, run).with_ignored_flag(ignored));
        }
    }
    for probe in Probe::ALL.map(Some).into_iter().chain([None]) {
        let name = probe.map_or("no_probe", Probe::name);
        let refused = probe::refused(probe);
        if let Some(reason) = &refused {
            eprintln!("probe::{name} is ignored: {reason}");
        }
        let name = format!("probe::{name}::write_after_everything_was_acked_and_window_closed");
        let ignored = refused.is_some() || home.is_none();
        let run = move || probe::write_into_closed_window(probe);
        trials.push(Trial::test(name, run).with_ignored_flag(ignored));
    }
    let python = Python::find(arguments.list);
    if let Err(reason) = &python {
        eprintln!("incident is ignored: {reason}");
    }
    let python = python.ok().map(Arc::new);
    for (name, trial) in incident::TRIALS {
        let ignored = python.is_none() || home.is_none();
        let python = python.clone();
        let run = move || python.map_or_else(|| Err("no Python".into()), |python| trial(&python));
        trials.push(Trial::test(format!("incident::{name}"), run).with_ignored_flag(ignored));
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    drop(home);
    conclusion.exit_code()
}
