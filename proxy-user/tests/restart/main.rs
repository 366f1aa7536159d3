//! A proxy that is told something new, replaced or restarted under load: no connection is refused, no
//! request fails, no session is lost without a word.
//!
//!     EBBTIDE_RESTART_SESSIONS=9000 cargo test --release --test restart -- --nocapture fleet
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test that cannot go on stops and says why"
)]

#[path = "../harness/mod.rs"]
mod harness;

mod addresses;
mod fleet;
mod load;
mod many;
mod passed;
mod reload;
mod takeover;
mod units;

use harness::namespace::is_root;
use harness::source::Source;
use libtest_mimic::{Arguments, Failed, Trial};

fn main() {
    let arguments = Arguments::from_args();
    let mut trials = vec![
        Trial::test("reload::on_sighup_and_on_a_change", reload::on_sighup_and_on_a_change),
        Trial::test("reload::a_mistake_changes_nothing", reload::a_mistake_changes_nothing),
        Trial::test("reload::a_mistake_is_told_once", reload::a_mistake_is_told_once),
        Trial::test("reload::addresses_come_and_go", reload::addresses_come_and_go),
        Trial::test("addresses::both_families_come_and_go", addresses::both_families_come_and_go),
        Trial::test(
            "addresses::both_families_are_taken_over",
            addresses::both_families_are_taken_over,
        ),
        Trial::test("addresses::who_is_in_the_way_is_named", addresses::who_is_in_the_way_is_named),
        Trial::test(
            "addresses::flags_that_clash_are_wrong_usage",
            addresses::flags_that_clash_are_wrong_usage,
        ),
        Trial::test("takeover::three_in_a_row", takeover::three_in_a_row),
        Trial::test("takeover::one_at_a_time", takeover::one_at_a_time),
        Trial::test("passed::the_queue_outlives_a_restart", passed::the_queue_outlives_a_restart),
        Trial::test(
            "passed::an_open_admin_socket_needs_a_token",
            passed::an_open_admin_socket_needs_a_token,
        ),
        Trial::test("passed::a_redirect_socket_needs_tls", passed::a_redirect_socket_needs_tls),
    ];
    let units = Trial::test("units::systemd_accepts_them", units::systemd_accepts_them);
    trials.push(units.with_ignored_flag(!units::can_be_tried()));
    for (name, trial) in [
        (
            "addresses::a_strangers_socket_is_just_in_use",
            addresses::a_strangers_socket_is_just_in_use as fn() -> Result<(), Failed>,
        ),
        (
            "addresses::a_privileged_port_comes_with_advice",
            addresses::a_privileged_port_comes_with_advice,
        ),
    ] {
        trials.push(Trial::test(name, trial).with_ignored_flag(!is_root()));
    }
    for source in Source::ALL {
        let ignored = source == Source::Ebpf && !is_root();
        let name = format!("fleet::{}", source.module());
        trials.push(Trial::test(name, move || many::all(source)).with_ignored_flag(ignored));
    }
    libtest_mimic::run(&arguments, trials).exit();
}
