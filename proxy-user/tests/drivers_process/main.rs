//! The process driver with real programs, with and without cgroups.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that cannot go on stops and says why"
)]

#[path = "../harness/mod.rs"]
mod harness;

mod ends;
mod hold;
mod leftovers;
mod making;
mod output;
mod scene;

use libtest_mimic::{Arguments, Failed, Trial};

use scene::{Mode, Scene};

type Test = fn(&Scene) -> Result<(), Failed>;

/// Each of them is run with cgroups, and without.
const TESTS: [(&str, Test); 23] = [
    ("an_exit_is_told_with_its_last_words", ends::an_exit_is_told_with_its_last_words),
    ("a_signal_is_told_by_its_name", ends::a_signal_is_told_by_its_name),
    ("a_stop_is_no_exit", ends::a_stop_is_no_exit),
    ("an_app_may_say_goodbye", ends::an_app_may_say_goodbye),
    ("what_ignores_sigterm_is_killed", ends::what_ignores_sigterm_is_killed),
    ("a_stop_reaches_all_processes", ends::a_stop_reaches_all_processes),
    ("what_is_forked_at_the_end_is_asked_too", ends::what_is_forked_at_the_end_is_asked_too),
    ("an_exit_in_a_handover_is_told_after_it", ends::an_exit_in_a_handover_is_told_after_it),
    ("it_starts_again_after_an_exit", ends::it_starts_again_after_an_exit),
    ("a_daemon_is_told_to_stay", leftovers::a_daemon_is_told_to_stay),
    ("what_leaves_its_session_is_ended", leftovers::what_leaves_its_session_is_ended),
    ("a_dropped_driver_leaves_nothing", leftovers::a_dropped_driver_leaves_nothing),
    ("a_dropped_start_leaves_nothing", leftovers::a_dropped_start_leaves_nothing),
    ("nothing_outlives_a_killed_ebbtide", hold::nothing_outlives_a_killed_ebbtide),
    ("a_guard_that_ends_is_replaced", hold::a_guard_that_ends_is_replaced),
    ("a_guard_that_reads_nothing_ends_no_app", hold::a_guard_that_reads_nothing_ends_no_app),
    ("the_guard_holds_nothing", hold::the_guard_holds_nothing),
    ("port_and_folder_and_environment", making::port_and_folder_and_environment),
    ("the_port_is_kept", making::the_port_is_kept),
    ("started_twice_is_one_process", making::started_twice_is_one_process),
    ("what_cannot_be_started_says_why", making::what_cannot_be_started_says_why),
    ("a_process_inherits_nothing", making::a_process_inherits_nothing),
    ("a_port_that_is_named_must_be_free", making::a_port_that_is_named_must_be_free),
];

/// Cgroups change nothing about what apps print.
const OUTPUT: [(&str, Test); 2] = [
    ("a_gigabyte_is_bounded", output::a_gigabyte_is_bounded),
    ("an_endless_line_is_bounded", output::an_endless_line_is_bounded),
];

fn main() {
    let words: Vec<String> = std::env::args().collect();
    if let ["hold", mode, command @ ..] =
        words.iter().skip(1).map(String::as_str).collect::<Vec<_>>().as_slice()
    {
        hold::hold(mode, command);
    }
    if let [_, word, mode] = words.as_slice()
        && word == "crowd"
    {
        hold::crowd(mode);
    }
    let arguments = Arguments::from_args();
    let can = ebbtide::drivers::process::examine();
    if let Err(error) = &can {
        println!("without cgroups: {error}");
    }
    let mut trials = Vec::new();
    for mode in [Mode::Cgroup, Mode::Session] {
        let ignored = mode == Mode::Cgroup && can.is_err();
        for (name, test) in TESTS {
            let trial =
                Trial::test(format!("{}::{name}", mode.word()), move || test(&Scene::new(mode)));
            trials.push(trial.with_ignored_flag(ignored));
        }
    }
    for (name, test) in OUTPUT {
        trials.push(Trial::test(name, move || test(&Scene::new(Mode::Session))));
    }
    let apart = || hold::what_was_abandoned_is_ended();
    trials.push(
        Trial::test("cgroup::what_was_abandoned_is_ended", apart).with_ignored_flag(can.is_err()),
    );
    let beside = || hold::apps_lie_beside_the_proxy();
    trials.push(
        Trial::test("cgroup::apps_lie_beside_the_proxy", beside).with_ignored_flag(can.is_err()),
    );
    let left = || leftovers::no_cgroup_is_left();
    trials.push(Trial::test("cgroup::no_cgroup_is_left", left).with_ignored_flag(can.is_err()));
    libtest_mimic::run(&arguments, trials).exit();
}
