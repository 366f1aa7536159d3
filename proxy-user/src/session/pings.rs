//! Ebbtide's own pings to the peer of one leg: requested by the sweep, written by the pump.

use std::sync::atomic::{
    AtomicBool, AtomicU32, AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};
use std::time::Duration;

use crate::core::time::Nanos;

/// No pong to report.
const NONE: u32 = 0;
/// A pong whose round-trip time is unknown.
const UNTIMED: u32 = u32::MAX;

/// The pings to one peer.
#[derive(Debug, Default)]
pub struct Pings {
    /// When the newest ping was written.
    written: AtomicU64,
    /// Round-trip time of the newest pong in microseconds, until the sweep takes it.
    took: AtomicU32,
    waits: AtomicBool,
}

impl Pings {
    /// Whether a ping was requested and has not been written yet.
    pub fn waits(&self) -> bool {
        self.waits.load(Acquire)
    }

    /// Requests a ping; `Session::ping` wakes the pump.
    pub(super) fn ask(&self) {
        self.waits.store(true, Release);
    }

    /// Records that the ping was written.
    pub(super) fn wrote(&self, now: Nanos) {
        self.written.store(now.0, Relaxed);
        self.waits.store(false, Release);
    }

    /// A pong arrived. `newest`: it answers the newest ping, the only one whose round-trip time is known.
    pub fn pong(&self, newest: bool, now: Nanos) {
        let took = now.since(Nanos(self.written.load(Relaxed))).as_micros();
        let took = u32::try_from(took).unwrap_or(UNTIMED).max(NONE + 1);
        self.took.store(if newest { took } else { UNTIMED }, Release);
    }

    /// Whether a pong arrived since the last call, with its round-trip time if known.
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
