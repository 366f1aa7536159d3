//! Who loses the seat and who keeps it, once for each writer of the socket table.
//!
//! The tests of `ebpf` run the proxy in a cgroup of its own and need root; so do those that cut a
//! network cable. Without root they are reported as ignored, by name.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on stops and says why"
)]

#[path = "../harness/mod.rs"]
mod harness;

mod alive;
mod cable;
mod frozen;
mod last_words;
mod privileges;
mod rows;
mod scene;
mod totals;

use libtest_mimic::{Arguments, Failed, Trial};
use scene::Source;

type Test = fn(Source) -> Result<(), Failed>;

fn main() {
    let mut arguments = Arguments::from_args();
    // The tests wait more than they work: more of them at once than there are cores.
    arguments.test_threads.get_or_insert(6);
    let root = harness::namespace::is_root();
    let tests: [(&str, Test, bool); 18] = [
        ("frozen_clients_are_reaped_and_the_app_is_told", frozen::clients_are_reaped, false),
        ("a_frozen_client_s_seat_goes_to_the_next", frozen::seat_is_freed, false),
        ("a_frozen_app_is_a_1014_and_counted_on_its_own_leg", frozen::app_is_reaped, false),
        ("a_client_frozen_inside_a_frame_is_reaped", frozen::inside_a_frame, false),
        ("slow_readers_are_kept", alive::slow_readers, false),
        ("normal_and_paused_readers_are_kept", alive::normal_and_paused_readers, false),
        ("idle_sessions_are_kept", alive::idle_sessions, false),
        ("back_pressured_clients_are_kept", alive::back_pressured_clients, false),
        ("last_words_of_an_app_reach_a_slow_client", last_words::of_an_app, false),
        ("last_words_of_a_client_reach_a_slow_app", last_words::of_a_client, false),
        ("last_words_outlive_both_closes", last_words::after_both_have_closed, false),
        ("rows_are_given_back", rows::are_given_back, false),
        ("a_full_table_falls_back_to_polling", rows::full_table, false),
        ("totals_outlive_their_sessions", totals::outlive_their_sessions, false),
        ("a_closed_window_is_shown_with_its_cause", totals::show_a_closed_window, false),
        ("three_capabilities_are_enough", privileges::three_are_enough_and_none_is_kept, true),
        ("slow_readers_on_a_wire_are_kept", cable::slow_readers, true),
        ("a_cut_cable_is_noticed_and_the_app_told", cable::cut, true),
    ];
    let mut trials = Vec::new();
    for source in [Source::TcpInfo, Source::Ebpf] {
        for (name, test, needs_root) in tests {
            let ignored = !root && (needs_root || source == Source::Ebpf);
            let trial = Trial::test(format!("{}::{name}", source.module()), move || test(source));
            trials.push(trial.with_ignored_flag(ignored));
        }
    }
    libtest_mimic::run(&arguments, trials).exit();
}
