//! A thousand apps over a week in simulated time: people who come and go, pages that poll, work that goes on
//! by itself, starts that fail, apps that crash, a machine that sleeps.
//!
//! What is tested is what an app's facts and its lifecycle make of that; requests, drivers and time are
//! made up. `world` says what happens and when, `life` lets it happen to one app, `oracle` says what must
//! hold, and knows nothing of the lifecycle's own clocks.
//!
//! An hour of the world takes a minute, so that the test takes seconds; `EBBTIDE_WEEK=1` in a release build
//! takes the week as it is.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test talks, and stops where it stands"
)]
#![allow(clippy::cast_possible_truncation, reason = "small random numbers")]

mod life;
mod oracle;
#[path = "../harness/payload.rs"]
#[allow(dead_code, unreachable_pub, reason = "the random numbers are used, the hash is not")]
mod payload;
mod world;

use std::time::Duration;

use self::life::{Outcome, live};
use self::world::World;

const APPS: u64 = 1000;
/// Minutes after which an app is suspended, by turns.
const IDLE_AFTER: [u64; 4] = [15, 30, 60, 120];

#[test]
fn a_week_of_a_thousand_apps() {
    let scale = if std::env::var_os("EBBTIDE_WEEK").is_some() { 1 } else { 60 };
    let mut rows = IDLE_AFTER.map(|minutes| (minutes, Outcome::default()));
    for seed in 0..APPS {
        let (minutes, total) = &mut rows[seed as usize % IDLE_AFTER.len()];
        *total += live(&World::new(seed, Duration::from_secs(*minutes * 60), scale));
    }
    print(&rows, scale);
    for (minutes, total) in rows {
        assert!(total.broken.is_empty(), "idle after {minutes} min: {:#?}", total.broken.first());
        // A world in which nothing happens shows nothing.
        assert!(total.suspends > 0 && total.wakes > 0 && total.failed > 0 && total.called_off > 0);
        assert!(total.crashes > 0 && total.busy > Duration::ZERO && total.polls > 0);
    }
}

fn print(rows: &[(u64, Outcome)], scale: u32) {
    println!("\n{APPS} apps, seven days, one hour of the world in {} s:\n", 3600 / scale);
    println!(
        "| idle_after | apps | awake: used | busy | for nobody | asleep | suspended | woken | \
         failed starts | crashes | called off | polls that woke nobody | broken rules | late by at most |"
    );
    println!(
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    );
    for (minutes, total) in rows {
        let share = |time: Duration| 100.0 * time.as_secs_f64() / total.lived.as_secs_f64();
        println!(
            "| {minutes} min | {} | {:.1} % | {:.1} % | {:.1} % | {:.1} % | {} | {} | {} | {} | {} | {} | {} | {:.1?} |",
            total.apps,
            share(total.used),
            share(total.busy),
            share(total.idle),
            share(total.asleep),
            total.suspends,
            total.wakes,
            total.failed,
            total.crashes,
            total.called_off,
            total.polls,
            total.broken.len(),
            total.latest,
        );
    }
}
