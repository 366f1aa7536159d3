//! Waiting for a condition with a generous bound; the only place where the tests read a clock.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Longer than anything takes on a loaded machine. Only a failing test waits this long.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// How long a program may take to start: `cargo xtask vm-test` starts dozens at once on an emulated
/// processor. One that ends instead is seen at once.
pub const STARTUP: Duration = Duration::from_secs(120);

/// Measures for print-outs and for the few windows that the contract states.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    pub fn start() -> Stopwatch {
        Stopwatch(Instant::now())
    }

    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    pub fn seconds(&self) -> f64 {
        self.elapsed().as_secs_f64()
    }
}

/// Polls until `look` finds something; panics with `what` when `PATIENCE` is over.
pub fn eventually<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    by(PATIENCE, what, look)
}

/// Like [`eventually`], for a program that was just started: panics when `STARTUP` is over.
pub fn started<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    by(STARTUP, what, look)
}

fn by<T>(limit: Duration, what: &str, look: impl FnMut() -> Option<T>) -> T {
    within(limit, look).unwrap_or_else(|| panic!("not within {limit:?}: {what}"))
}

/// Polls until `look` finds something or `limit` has passed.
pub fn within<T>(limit: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let watch = Stopwatch::start();
    loop {
        if let Some(found) = look() {
            return Some(found);
        }
        if watch.elapsed() > limit {
            return None;
        }
        pause(Duration::from_millis(10));
    }
}

/// Lets time pass where time itself is what the test is about.
pub fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// Whole seconds since 1970.
pub fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}
