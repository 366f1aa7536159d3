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
mod command;
mod http;
mod plane;
mod process;
mod running;
mod scene;
mod start;
mod table;

use libtest_mimic::{Arguments, Trial};

use table::Row;

/// A fault that is played by a function, and its name.
type Named = (&'static str, fn() -> Row);

/// What a fault is called, and what plays it and gives its line of the table.
type Fault = (String, Box<dyn FnOnce() -> Row + Send>);

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    app::be(&words);
    let mut arguments = Arguments::from_args();
    // They wait more than they work.
    arguments.test_threads.get_or_insert(40);
    let drivers = [
        ("process", named(process::FAULTS)),
        ("command", named(command::FAULTS)),
        ("http", http::faults()),
    ];
    let trials = drivers.into_iter().flat_map(|(driver, faults)| {
        faults.into_iter().enumerate().map(move |(place, (name, play))| {
            let called = format!("{driver}::{}", name.replace(", ", "::").replace('`', ""));
            Trial::test(called.replace(' ', "_"), move || {
                table::add(driver, place, &name, play());
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

fn named<const COUNT: usize>(faults: [Named; COUNT]) -> Vec<Fault> {
    faults.map(|(name, play)| (name.to_owned(), Box::new(play) as Box<_>)).into()
}
