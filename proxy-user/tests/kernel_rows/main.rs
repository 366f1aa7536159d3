//! Both writers of the table against real sockets on loopback, by the same assertions.
//!
//! The kernel's trials need root: the process makes a cgroup of its own, moves into it and removes it
//! at the end. Where that or the load is refused they are listed as ignored, each by name.
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

use ebbtide::sockets::{Options, Sockets, SourceWish};
use libtest_mimic::{Arguments, Trial};
use support::{Cgroup, Lines};

/// Names the cgroup to attach to for a child process that is to be killed.
const HOLD: &str = "EBBTIDE_TEST_HOLD";

/// A trial of one writer.
type OfWriter = fn(SourceWish);

/// Trials that each writer must pass.
const BOTH: [(&str, OfWriter); 8] = [
    ("rows_change_hands_under_load", legs::rows_change_hands_under_load),
    ("confirm_counts_from_then_on", legs::confirm_counts_from_then_on),
    ("rows_follow_acks", legs::rows_follow_acks),
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
    let refused = match &cgroup {
        Err(error) => Some(format!("no cgroup of its own: {error}")),
        Ok(_) => Sockets::open(&Options { source: SourceWish::Ebpf, ..Options::default() })
            .err()
            .map(|error| format!("{error:?}")),
    };
    if let Some(refused) = &refused {
        eprintln!("the kernel's trials are ignored: {refused}");
    }

    let mut trials = Vec::new();
    let both = BOTH.map(|(name, trial)| (name, trial, false)).into_iter();
    let both = both.chain(BOTH_AS_ROOT.map(|(name, trial)| (name, trial, true)));
    for (name, trial, as_root) in both {
        let run = |wish| {
            move || {
                trial(wish);
                Ok(())
            }
        };
        trials.push(
            Trial::test(format!("tcp_info::{name}"), run(SourceWish::TcpInfo))
                .with_ignored_flag(as_root && cgroup.is_err()),
        );
        trials.push(
            Trial::test(format!("ebpf::{name}"), run(SourceWish::Ebpf))
                .with_ignored_flag(refused.is_some()),
        );
    }
    for (name, trial) in KERNEL {
        let run = move || {
            trial();
            Ok(())
        };
        trials.push(Trial::test(format!("ebpf::{name}"), run).with_ignored_flag(refused.is_some()));
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    drop(cgroup);
    conclusion.exit_code()
}
