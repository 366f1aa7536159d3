//! `ebbtide observe` against servers that know nothing of it.
//!
//! All trials need root: the process moves into a cgroup of its own, whose sockets are observed, and
//! back at the end. `incident` needs Python and PyPI too, `probe` a kernel that takes the probe. What
//! cannot run is listed as ignored, by name, with its reason.
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
use std::sync::{Arc, OnceLock};

use ebbtide::sockets::Probe;
use libtest_mimic::{Arguments, Completion, Failed, Trial};
use observer::Source;
use python::Python;
use scene::Home;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // The trials wait more than they work: more of them at once than there are cores.
    arguments.test_threads.get_or_insert(6);
    let home = Home::enter().map(Arc::new).map_err(|why| format!("no cgroup of its own: {why}"));
    let mut trials = Vec::new();
    for source in [Source::Ebpf, Source::TcpInfo] {
        let able = home.clone().and_then(|home| source.refused().map_or(Ok(home), Err));
        for (name, run) in wedge::TRIALS {
            let name = format!("{}::{name}", source.module());
            trials.push(trial(name, able.clone(), move |home| run(home, source)));
        }
    }
    for probe in Probe::ALL.map(Some).into_iter().chain([None]) {
        let able = home.clone().and_then(|_| probe::refused(probe).map_or(Ok(Arc::new(())), Err));
        let name = probe.map_or("no_probe", Probe::name);
        let name = format!("probe::{name}::write_after_everything_was_acked_and_window_closed");
        trials.push(trial(name, able, move |()| probe::write_into_closed_window(probe)));
    }
    // The environment is made by the first trial that needs it.
    let python: &'static OnceLock<Result<Arc<Python>, String>> = Box::leak(Box::default());
    for (name, run) in incident::TRIALS {
        let home = home.clone();
        trials.push(Trial::ignorable_test(format!("incident::{name}"), move || {
            let python = || python.get_or_init(|| Python::find().map(Arc::new)).clone();
            complete(home.and_then(|_| python()), run)
        }));
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    drop(home);
    conclusion.exit_code()
}

/// A trial with what it needs, or the reason why that cannot be had.
fn trial<T: Send + Sync + 'static>(
    name: String,
    able: Result<Arc<T>, String>,
    run: impl FnOnce(&T) -> Result<(), Failed> + Send + 'static,
) -> Trial {
    Trial::ignorable_test(name, move || complete(able, run))
}

fn complete<T>(
    able: Result<Arc<T>, String>,
    run: impl FnOnce(&T) -> Result<(), Failed>,
) -> Result<Completion, Failed> {
    match able {
        Ok(with) => run(&with).map(|()| Completion::Completed),
        Err(reason) => Ok(Completion::ignored_with(reason)),
    }
}
