//! The only module that reads a clock.

use std::time::{Duration, SystemTime};

use parking_lot::Mutex;

use crate::core::sleeps::Sleeps;
use crate::core::time::Nanos;

/// Two clock readings that are further apart than this, in nanoseconds, are repeated.
const TOGETHER: u64 = 1_000_000;
/// The maximum number of repetitions.
const TRIES: usize = 8;

/// When this machine slept: see [`notice_sleep`].
static SLEEPS: Mutex<Sleeps> = Mutex::new(Sleeps::new());

/// `CLOCK_MONOTONIC_COARSE`: at most a few milliseconds behind, and cheap enough for every wake-up, because
/// the vDSO answers it from memory.
#[must_use]
pub fn coarse() -> Nanos {
    read(libc::CLOCK_MONOTONIC_COARSE)
}

/// `CLOCK_MONOTONIC`, the clock of the kernel's rows. It stands still while the machine sleeps.
#[must_use]
pub fn now() -> Nanos {
    read(libc::CLOCK_MONOTONIC)
}

/// The wall-clock time of a moment of the monotonic clock, past or future. It does not change when the
/// machine sleeps later; when the wall clock is set, all of them change.
#[must_use]
#[allow(clippy::disallowed_methods, reason = "this is the module that reads clocks")]
pub fn wall(at: Nanos) -> SystemTime {
    let (boot, then) = boot_times(at);
    let wall = SystemTime::now();
    let moment = wall.checked_add(then.since(boot)).unwrap_or(wall);
    moment.checked_sub(boot.since(then)).unwrap_or(SystemTime::UNIX_EPOCH)
}

/// How long ago a moment was, including time during which the machine slept.
#[must_use]
pub fn ago(at: Nanos) -> Duration {
    let (boot, then) = boot_times(at);
    boot.since(then)
}

/// Time passed since `at`, without sleep.
#[must_use]
pub fn elapsed(at: Nanos) -> Duration {
    now().since(at)
}

/// Checks whether the machine has slept. Call once a second: the time of a sleep cannot be determined more
/// precisely than that.
pub fn notice_sleep() {
    boot_times(Nanos(0));
}

/// `CLOCK_BOOTTIME` now and at a moment.
fn boot_times(at: Nanos) -> (Nanos, Nanos) {
    let mut sleeps = SLEEPS.lock();
    let mut boot = read(libc::CLOCK_BOOTTIME);
    // A preemption between two readings would be taken for a sleep.
    for _ in 0..TRIES {
        let before = now();
        boot = read(libc::CLOCK_BOOTTIME);
        if now().0.saturating_sub(before.0) < TOGETHER {
            sleeps.note(before, boot);
            break;
        }
    }
    (boot, sleeps.boot(at))
}

fn read(clock: libc::clockid_t) -> Nanos {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a local timespec for the call to fill. These clocks exist on every Linux that Rust
    // supports, so the call cannot fail.
    unsafe { libc::clock_gettime(clock, &raw mut time) };
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Nanos(seconds * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clocks_agree() {
        let before = coarse();
        assert!(now() >= before);
        let distance = wall(now()).duration_since(wall(before)).unwrap_or_default();
        assert!(distance < Duration::from_secs(60), "{distance:?}");
        assert!(ago(before) < Duration::from_secs(60));
    }

    #[test]
    fn moments_to_come_have_a_time_too() {
        let hour = Duration::from_secs(3600);
        let now = now();
        let distance = wall(now + hour).duration_since(wall(now)).unwrap_or_default();
        assert!(distance.abs_diff(hour) < Duration::from_secs(60), "{distance:?}");
    }
}
