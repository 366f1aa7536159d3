//! Pings to silent legs, and what becomes of peers that do not answer them: raw bytes against the real
//! binary, once for each writer of the socket table.
//!
//! The tests of `ebpf` run the proxy in a cgroup of its own and need root. Without it they are reported
//! as ignored, by name.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on stops and says why"
)]

#[path = "../harness/mod.rs"]
mod harness;

mod alive;
mod dead;
mod pings;
mod scene;

use harness::source::Source;
use libtest_mimic::{Arguments, Failed, Trial};

type Test = fn(Source) -> Result<(), Failed>;

const TESTS: [(&str, Test); 14] = [
    ("a_silent_session_is_pinged_on_both_legs", pings::both_legs),
    ("a_direction_with_traffic_does_not_save_the_other", pings::one_direction),
    ("foreign_pings_and_pongs_pass", pings::foreign_ones_pass),
    ("a_ping_goes_between_fragments", pings::between_fragments),
    ("a_ping_waits_for_the_end_of_a_frame", pings::never_inside_a_frame),
    ("a_frame_under_way_does_not_hold_up_the_other_way", pings::beside_a_frame),
    ("a_reload_switches_it_on", pings::reload),
    ("a_frozen_idle_client_is_found", dead::client),
    ("a_frozen_idle_app_is_found", dead::app),
    ("who_sends_but_does_not_answer_is_kept", alive::sends_without_pongs),
    ("late_pongs_are_pongs", alive::late_pongs),
    ("a_huge_frame_that_crawls_is_life", alive::huge_frame),
    ("a_held_up_client_is_not_blamed", alive::held_up),
    ("a_sleeper_that_wakes_in_time_is_kept", alive::sleeper),
];

fn main() {
    let mut arguments = Arguments::from_args();
    // The tests wait more than they work: more of them at once than there are cores.
    arguments.test_threads.get_or_insert(14);
    let root = harness::namespace::is_root();
    let trials = Source::ALL.into_iter().flat_map(|source| {
        TESTS.into_iter().map(move |(name, test)| {
            let trial = Trial::test(format!("{}::{name}", source.module()), move || test(source));
            trial.with_ignored_flag(source == Source::Ebpf && !root)
        })
    });
    libtest_mimic::run(&arguments, trials.collect()).exit();
}
