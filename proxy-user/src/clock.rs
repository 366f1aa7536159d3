//! The only module that reads a clock.

use std::time::{Duration, SystemTime};

use crate::core::time::Nanos;

/// `CLOCK_MONOTONIC_COARSE`: a few milliseconds behind at most, and cheap enough for every wake-up,
/// as the vDSO answers it from memory.
#[must_use]
pub fn coarse() -> Nanos {
    read(libc::CLOCK_MONOTONIC_COARSE)
}

/// `CLOCK_MONOTONIC`, the clock of the kernel's rows.
#[must_use]
pub fn now() -> Nanos {
    read(libc::CLOCK_MONOTONIC)
}

/// The wall-clock time of a moment of the monotonic clock, past or to come.
#[must_use]
#[allow(clippy::disallowed_methods, reason = "this is the module that reads clocks")]
pub fn wall(at: Nanos) -> SystemTime {
    let (now, wall) = (now(), SystemTime::now());
    let moment = wall.checked_add(at.since(now)).unwrap_or(wall);
    moment.checked_sub(now.since(at)).unwrap_or(SystemTime::UNIX_EPOCH)
}

/// Time gone by since `at`.
#[must_use]
pub fn elapsed(at: Nanos) -> Duration {
    now().since(at)
}

fn read(clock: libc::clockid_t) -> Nanos {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a timespec of our own for the call to fill; these clocks exist on every
    // Linux that Rust supports, so the call cannot fail.
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
    }

    #[test]
    fn moments_to_come_have_a_time_too() {
        let hour = Duration::from_secs(3600);
        let now = now();
        let distance = wall(now + hour).duration_since(wall(now)).unwrap_or_default();
        assert!(distance.abs_diff(hour) < Duration::from_secs(60), "{distance:?}");
    }
}
