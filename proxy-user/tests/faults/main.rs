//! The fault matrix: either side of a session × six faults × six moments, every cell of it. No cell may
//! hang, leak, or blame the side that did nothing.
//!
//! What time finds, by what the socket table says, is played for both writers of the table. Cells that
//! need a network namespace or a cgroup, and so root, are listed as ignored for everybody else.
//!
//!     EBBTIDE_FAULTS_TABLE=1 cargo test --test faults
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test that cannot go on stops and says why"
)]

#[path = "../harness/mod.rs"]
mod harness;

mod expected;
mod matrix;
mod moment;
mod party;
mod play;
mod report;
mod scene;
mod strike;

use harness::source::Source;
use libtest_mimic::{Arguments, Trial};
use matrix::{Cell, Fault};

fn main() {
    let mut arguments = Arguments::from_args();
    // The cells wait more than they work: many more of them at once than there are cores.
    arguments.test_threads.get_or_insert(40);
    let root = harness::namespace::is_root();
    let name = "expected::nobody_else_is_blamed";
    let mut trials = vec![Trial::test(name, expected::blames_nobody_else)];
    for cell in Cell::all() {
        for source in Source::ALL {
            if source == Source::Ebpf && !cell.fault.is_found_by_rows() {
                continue;
            }
            let needs_root = source == Source::Ebpf || cell.fault == Fault::Vanish;
            let ignored = needs_root && !root;
            let name = format!("{}::{}", source.module(), cell.name());
            let name = name.to_lowercase().replace([' ', '-'], "_");
            let trial = Trial::test(name, move || report::cell(cell, source));
            trials.push(trial.with_ignored_flag(ignored));
        }
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    if std::env::var_os("EBBTIDE_FAULTS_TABLE").is_some() {
        report::print();
    }
    conclusion.exit();
}
