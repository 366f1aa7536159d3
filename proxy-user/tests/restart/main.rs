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

mod fleet;
mod load;
mod many;
mod passed;
mod reload;
mod takeover;
mod units;

use harness::namespace::is_root;
use harness::source::Source;
use libtest_mimic::{Arguments, Trial};

fn main() {
    let arguments = Arguments::from_args();
    let mut trials = vec![
        Trial::test("reload::on_sighup_and_on_a_change", reload::on_sighup_and_on_a_change),
        Trial::test("reload::a_mistake_changes_nothing", reload::a_mistake_changes_nothing),
        Trial::test("reload::a_mistake_is_told_once", reload::a_mistake_is_told_once),
        Trial::test("reload::addresses_come_and_go", reload::addresses_come_and_go),
        Trial::test("takeover::three_in_a_row", takeover::three_in_a_row),
        Trial::test("takeover::one_at_a_time", takeover::one_at_a_time),
        Trial::test("passed::the_queue_outlives_a_restart", passed::the_queue_outlives_a_restart),
        Trial::test(
            "passed::an_open_admin_socket_needs_a_token",
            passed::an_open_admin_socket_needs_a_token,
        ),
    ];
    let units = Trial::test("units::systemd_accepts_them", units::systemd_accepts_them);
    trials.push(units.with_ignored_flag(!units::can_be_tried()));
    for source in Source::ALL {
        let ignored = source == Source::Ebpf && !is_root();
        let name = format!("fleet::{}", source.module());
        trials.push(Trial::test(name, move || many::all(source)).with_ignored_flag(ignored));
    }
    libtest_mimic::run(&arguments, trials).exit();
}
