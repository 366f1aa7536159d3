//! Ebbtide's own pings to the peer of one leg: what the sweep asks of the pump, and what the pump
//! knows of them.

use std::sync::atomic::{
    AtomicBool, AtomicU32, AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};
use std::time::Duration;

use crate::core::time::Nanos;

/// Nothing to tell.
const NONE: u32 = 0;
/// A pong whose time is not known.
const UNTIMED: u32 = u32::MAX;

/// The pings to one peer.
#[derive(Debug, Default)]
pub struct Pings {
    /// When the newest was written.
    written: AtomicU64,
    /// What the newest pong took in microseconds, until the sweep has it.
    took: AtomicU32,
    waits: AtomicBool,
}

impl Pings {
    /// A ping was asked for and has not been written.
    pub fn waits(&self) -> bool {
        self.waits.load(Acquire)
    }

    /// Asks for one; `Session::ping` wakes the pump.
    pub(super) fn ask(&self) {
        self.waits.store(true, Release);
    }

    /// It has been written.
    pub(super) fn wrote(&self, now: Nanos) {
        self.written.store(now.0, Relaxed);
        self.waits.store(false, Release);
    }

    /// A pong came. `newest`: to the newest of them, the only one whose time is known.
    pub fn pong(&self, newest: bool, now: Nanos) {
        let took = now.since(Nanos(self.written.load(Relaxed))).as_micros();
        let took = u32::try_from(took).unwrap_or(UNTIMED).max(NONE + 1);
        self.took.store(if newest { took } else { UNTIMED }, Release);
    }

    /// Whether a pong came since this was last asked, and how long it took, if that is known.
    pub fn take_pong(&self) -> Option<Option<Duration>> {
        match self.took.swap(NONE, Acquire) {
            NONE => None,
            UNTIMED => Some(None),
            took => Some(Some(Duration::from_micros(u64::from(took)))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pong_is_told_once() {
        let pings = Pings::default();
        assert_eq!(pings.take_pong(), None);
        pings.ask();
        assert!(pings.waits());
        pings.wrote(Nanos(1_000_000));
        assert!(!pings.waits());
        pings.pong(true, Nanos(3_000_000));
        assert_eq!(pings.take_pong(), Some(Some(Duration::from_millis(2))));
        assert_eq!(pings.take_pong(), None);
        pings.pong(false, Nanos(3_000_000));
        assert_eq!(pings.take_pong(), Some(None));
    }
}
