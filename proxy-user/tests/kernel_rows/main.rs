//! Both writers of the table against real sockets on loopback, by the same assertions.
//!
//! The kernel's trials need root: the process makes a cgroup of its own, moves into it and removes it
//! at the end. Where that or the load is refused they are listed as ignored, each by name and with the
//! reason.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a test panics to fail, and talks to who runs it"
)]

mod attachment;
mod legs;
mod lost_path;
mod support;

use std::{path::PathBuf, process::ExitCode};

use ebbtide::sockets::{Options, Sockets, Source, SourceWish};
use libtest_mimic::{Arguments, Completion, Trial};
use support::{Cgroup, Lines};

/// Names the cgroup to attach to for a child process that is to be killed.
const HOLD: &str = "EBBTIDE_TEST_HOLD";

/// A trial of one writer.
type OfWriter = fn(SourceWish);

/// Trials that each writer must pass.
const BOTH: [(&str, OfWriter); 9] = [
    ("rows_change_hands_under_load", legs::rows_change_hands_under_load),
    ("confirm_counts_from_then_on", legs::confirm_counts_from_then_on),
    ("rows_follow_acks", legs::rows_follow_acks),
    ("nothing_is_missing_behind_a_fin", legs::nothing_is_missing_behind_a_fin),
    ("write_after_everything_was_acked_and_the_window_closed", legs::write_into_closed_window),
    ("release_gives_everything_back_once", legs::release_gives_everything_back_once),
    ("state_after_reset", legs::state_after_reset),
    ("state_after_half_close", legs::state_after_half_close),
    ("what_is_no_tcp_socket_is_refused", legs::what_is_no_tcp_socket_is_refused),
];

/// Trials that each writer must pass and that need root for either.
const BOTH_AS_ROOT: [(&str, OfWriter); 1] =
    [("timeouts_count_on_a_lost_path", lost_path::timeouts_count_on_a_lost_path)];

/// Trials about the kernel writer alone.
const KERNEL: [(&str, fn()); 4] = [
    ("full_table_falls_back_and_says_so_once", legs::full_table_falls_back_and_says_so_once),
    ("kernel_lines_reach_the_log", legs::kernel_lines_reach_the_log),
    ("nothing_attached_after_drop", attachment::nothing_attached_after_drop),
    ("nothing_attached_after_sigkill", attachment::nothing_attached_after_sigkill),
];

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    // Before the first load: lines below the level of that moment are not loaded.
    Lines::install();
    if let Some(cgroup) = std::env::var_os(HOLD) {
        attachment::hold(PathBuf::from(cgroup));
    }
    let cgroup = Cgroup::enter();
    let alone = cgroup.as_ref().err().map(|error| format!("no cgroup of its own: {error}"));
    let refused = alone.clone().or_else(|| {
        let sockets = Sockets::open(&Options::default()).unwrap();
        (sockets.source() != Source::Ebpf).then(|| sockets.reason().to_owned())
    });

    let mut trials = Vec::new();
    let both = BOTH.map(|(name, trial)| (name, trial, None)).into_iter();
    let both = both.chain(BOTH_AS_ROOT.map(|(name, trial)| (name, trial, alone.clone())));
    for (name, run, alone) in both {
        trials.push(trial(&format!("tcp_info::{name}"), alone, move || run(SourceWish::TcpInfo)));
        trials.push(trial(&format!("ebpf::{name}"), refused.clone(), move || {
            run(SourceWish::Ebpf);
        }));
    }
    for (name, run) in KERNEL {
        trials.push(trial(&format!("ebpf::{name}"), refused.clone(), run));
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    drop(cgroup);
    conclusion.exit_code()
}

/// A trial, listed as ignored with the reason where this machine is unable to run it.
fn trial(name: &str, unable: Option<String>, run: impl FnOnce() + Send + 'static) -> Trial {
    Trial::ignorable_test(name, move || {
        if let Some(reason) = unable {
            return Ok(Completion::ignored_with(reason));
        }
        run();
        Ok(Completion::Completed)
    })
}
