//! Counters for one direction of a session.
//!
//! One thread writes and any thread may read: plain loads and stores, no locked instruction per frame.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counts for one direction, over the life of a session or an app.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Data frames (text, binary, continuation) without heartbeats.
    pub data: u64,
    /// Control frames (Close, ping, pong).
    pub control: u64,
    /// Messages that a rule identifies as heartbeats.
    pub heartbeat: u64,
    /// Payload bytes of the frames whose headers have been seen.
    pub bytes: u64,
    /// What counted as activity: messages if they are judged, otherwise data frames.
    pub activity: u64,
    /// What would have counted if it had come from the client.
    pub uncounted: u64,
    /// Ebbtide's own pings to the peer that the other counts are about.
    pub pings: u64,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, more: Counts) {
        self.data += more.data;
        self.control += more.control;
        self.heartbeat += more.heartbeat;
        self.bytes += more.bytes;
        self.activity += more.activity;
        self.uncounted += more.uncounted;
        self.pings += more.pings;
    }
}

/// Counters with a single writer.
#[derive(Debug, Default)]
pub struct Tally {
    data: AtomicU64,
    control: AtomicU64,
    heartbeat: AtomicU64,
    bytes: AtomicU64,
    activity: AtomicU64,
    uncounted: AtomicU64,
    pings: AtomicU64,
}

impl Tally {
    /// Adds a burst. Only the session's pump may call this.
    pub fn add(&self, burst: Counts) {
        let add = |to: &AtomicU64, more| to.store(to.load(Relaxed) + more, Relaxed);
        add(&self.data, burst.data);
        add(&self.control, burst.control);
        add(&self.heartbeat, burst.heartbeat);
        add(&self.bytes, burst.bytes);
        add(&self.activity, burst.activity);
        add(&self.uncounted, burst.uncounted);
        add(&self.pings, burst.pings);
    }

    /// The current counts.
    #[must_use]
    pub fn read(&self) -> Counts {
        Counts {
            data: self.data.load(Relaxed),
            control: self.control.load(Relaxed),
            heartbeat: self.heartbeat.load(Relaxed),
            bytes: self.bytes.load(Relaxed),
            activity: self.activity.load(Relaxed),
            uncounted: self.uncounted.load(Relaxed),
            pings: self.pings.load(Relaxed),
        }
    }
}
