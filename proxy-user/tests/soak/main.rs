//! An hour of living and dying clients against the real binary, in minutes: nobody who lives is reaped,
//! nobody who is gone keeps a seat, whichever source the sockets are read from.
//!
//! Time is scaled by `stall.grace`, the only clock of the verdict: 120 periods of 3 s (six minutes)
//! are an hour of the default grace of 30 s. Needs root; without `EBBTIDE_SOAK=1` the trials are
//! listed as ignored. `EBBTIDE_SOAK_GRACES` sets the length.
//!
//!     EBBTIDE_SOAK=1 cargo test --release --test soak -- --nocapture
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tables are printed; a soak that cannot go on stops and says why"
)]

#[path = "../harness/mod.rs"]
mod harness;

mod dead;
mod living;
mod monitor;
mod network;
mod standstill;
mod tables;
mod world;

use std::time::Duration;

use libtest_mimic::{Arguments, Failed, Trial};

use harness::namespace::is_root;
use harness::wait::{Stopwatch, pause};
use monitor::Monitor;
use world::World;

/// Time without progress that is allowed.
const GRACE: Duration = Duration::from_secs(3);
/// What the sweep and the clock may add (the contract's window).
const SLACK: Duration = Duration::from_secs(2);
/// Length in periods of grace.
const GRACES: u32 = 120;
/// From the start of one wave of dying clients to the next, in periods of grace.
const WAVE: u32 = 4;

fn main() {
    let mut arguments = Arguments::from_args();
    // Both at once: they wait more than they work, and together take no longer than one.
    arguments.test_threads.get_or_insert(2);
    let wanted = std::env::var_os("EBBTIDE_SOAK").is_some_and(|value| value == "1") && is_root();
    let sources = [("tcp_info", "tcp-info"), ("ebpf", "ebpf")].into_iter();
    let mut trials: Vec<Trial> = sources
        .map(|(module, source)| {
            let name = format!("{module}::an_hour_of_living_and_dying_clients");
            Trial::test(name, move || soak(source)).with_ignored_flag(!wanted)
        })
        .collect();
    let name = "standstill_of_readers_that_never_stop";
    trials.push(Trial::test(name, standstill::table).with_ignored_flag(!wanted));
    libtest_mimic::run(&arguments, trials).exit();
}

fn graces() -> u32 {
    let asked = std::env::var("EBBTIDE_SOAK_GRACES").ok();
    asked.map_or(GRACES, |count| count.parse().expect("EBBTIDE_SOAK_GRACES is a number"))
}

fn soak(source: &'static str) -> Result<(), Failed> {
    let world = World::create(source)?;
    let mut living = living::start(&world);
    let monitor = Monitor::default();
    let mut dead = Vec::new();
    let length = GRACE * graces();
    let flaps = std::thread::scope(|scope| {
        let stop = monitor.stop_when_dropped();
        scope.spawn(|| monitor.run(&world.proxy));
        let flapping = scope.spawn(|| world.flap(&monitor));
        let watch = Stopwatch::start();
        while watch.elapsed() + WAVE * GRACE <= length {
            let wave = Stopwatch::start();
            dead.extend(dead::wave(&world));
            living.iter_mut().for_each(living::Living::note);
            eprintln!(
                "{source}: {:.0} of {:.0} s; {} of {} dead noticed, {} of {} living go on",
                watch.seconds(),
                length.as_secs_f64(),
                dead.iter().filter(|dead| dead.told.is_some()).count(),
                dead.len(),
                living.iter().filter(|living| living.is_connected()).count(),
                living.len(),
            );
            pause((WAVE * GRACE).saturating_sub(wave.elapsed()));
        }
        drop(stop);
        flapping.join().unwrap()
    });
    let living = living::end(living, &world, &monitor);
    tables::print(source, length, flaps, &living, &dead, &world.proxy);
    tables::judge(&living, &dead, &world.proxy)
}
