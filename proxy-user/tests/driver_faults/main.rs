//! The fault table: each driver with each fault that can befall it, by the real binary. A trial says what
//! visitors, the log, the metrics and the API are told, that nothing spins meanwhile, and that the app is
//! reached once the fault is gone.
//!
//!     EBBTIDE_FAULTS_TABLE=1 cargo test --test driver_faults -- --nocapture
//!
//! prints what was observed, as docs/drivers.md has it.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test that cannot go on stops and says why"
)]

#[path = "../harness/mod.rs"]
mod harness;

mod app;
mod process;
mod scene;
mod start;
mod table;

use libtest_mimic::{Arguments, Trial};

use table::Row;

/// What is played, and gives its line of the table.
type Fault = (&'static str, fn() -> Row);

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    app::be(&words);
    let mut arguments = Arguments::from_args();
    // They wait more than they work.
    arguments.test_threads.get_or_insert(16);
    let drivers: [(&'static str, &[Fault]); 1] = [("process", &process::FAULTS)];
    let trials = drivers.into_iter().flat_map(|(driver, faults)| {
        faults.iter().enumerate().map(move |(place, (name, play))| {
            let called = format!("{driver}::{name}").replace(' ', "_");
            Trial::test(called, move || {
                table::add(driver, place, name, play());
                Ok(())
            })
        })
    });
    let conclusion = libtest_mimic::run(&arguments, trials.collect());
    if std::env::var_os("EBBTIDE_FAULTS_TABLE").is_some() {
        table::print();
    }
    conclusion.exit();
}
