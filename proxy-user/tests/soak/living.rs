//! Clients that live, each in its own difficult way, for as long as the soak lasts.
//!
//! Slow readers get receive buffers that they can empty within the grace. This is no kindness but
//! physics: a kernel opens a closed window only after a good part of what it holds was read, and while
//! it is closed nothing on the wire tells a reader from a sleeper. Buffer ÷ rate must therefore be less
//! than `stall.grace`; at the default grace of 30 s the same readers may have ten times the buffer.

use std::net::SocketAddr;

use serde_json::Value;

use crate::GRACE;
use crate::harness::frame::Frame;
use crate::harness::session::Peer;
use crate::harness::traffic::{self, EAGER, Pace, STEADY, Traffic};
use crate::monitor::{Monitor, Seen};
use crate::world::{APP_BUFFER, Place, World};

/// Clients of each kind.
const EACH: usize = 8;

/// One way to live.
#[derive(Clone, Copy)]
struct Kind {
    name: &'static str,
    place: Place,
    /// The client's `SO_RCVBUF`.
    buffer: Option<usize>,
    habit: Habit,
}

#[derive(Clone, Copy)]
enum Habit {
    /// Reads at this pace what the app sends as fast as it is taken.
    Reads(Pace),
    /// Gets a frame of so many bytes now and then, and reads it at once; rests are in milliseconds.
    Gets(usize, u64),
    /// Sends as fast as it is taken to an app that reads at this pace.
    Sends(Pace),
    /// Nothing at all.
    Idle,
}

/// One client and what was seen of it.
pub(crate) struct Living {
    kind: &'static str,
    client: Peer,
    server: Peer,
    traffic: Option<(Traffic, Traffic)>,
    address: SocketAddr,
    /// Bytes that had come through at the note before last, and at the last.
    noted: [u64; 2],
}

/// What became of it.
pub(crate) struct Outcome {
    pub(crate) kind: &'static str,
    pub(crate) kept: bool,
    /// Longest wait without progress that the proxy told of, in seconds.
    pub(crate) longest: f64,
    /// Why it was reaped, or what else was wrong with it.
    pub(crate) reason: Option<String>,
}

/// `rate` bytes per second in eight portions.
const fn at(rate: usize) -> Habit {
    Habit::Reads(Pace::new(rate / 8, 125))
}

fn kinds() -> Vec<Kind> {
    let kind = |name, place, buffer, habit| Kind { name, place, buffer, habit };
    let grace = u64::try_from(GRACE.as_millis()).unwrap();
    let pausing = |percent| Habit::Reads(Pace::new(200_000, grace * percent / 100));
    let steady = Place::Steady;
    vec![
        // The kernel doubles each buffer, and has none smaller than 2,304 bytes.
        kind("reads 1 KB/s from 2.3 KB", steady, Some(1024), at(1024)),
        kind("reads 4 KB/s from 8 KB", steady, Some(4096), at(4096)),
        kind("reads 16 KB/s from 32 KB", steady, Some(16_384), at(16_384)),
        kind("reads 64 KB/s, default buffer", steady, None, at(65_536)),
        kind("pauses for 0.5 grace", steady, Some(65_536), pausing(50)),
        kind("pauses for 0.75 grace", steady, Some(65_536), pausing(75)),
        kind("flapping path, stream", Place::Flapping, None, Habit::Reads(EAGER)),
        kind("flapping path, little sent", Place::Flapping, None, Habit::Gets(100, grace / 10)),
        kind("little sent, each 0.4 grace", steady, None, Habit::Gets(100, grace * 2 / 5)),
        kind("little sent, each 2.3 grace", steady, None, Habit::Gets(100, grace * 23 / 10)),
        kind("bursts, each 2.3 grace", steady, None, Habit::Gets(200_000, grace * 23 / 10)),
        kind("app reads 16 KB/s from 32 KB", steady, None, Habit::Sends(Pace::new(2048, 125))),
        kind("idle", steady, None, Habit::Idle),
    ]
}

pub(crate) fn start(world: &World) -> Vec<Living> {
    // The name above says so.
    const _: () = assert!(APP_BUFFER == 16 * 1024);
    let all = kinds().into_iter().flat_map(|kind| std::iter::repeat_n(kind, EACH));
    all.map(|kind| begin(world, kind)).collect()
}

fn begin(world: &World, kind: Kind) -> Living {
    let (client, server) = world.open(kind.place, kind.buffer);
    let address = client.wire.stream().local_addr().unwrap();
    let frame = |size| Frame::binary(vec![0x5A; size]);
    let traffic = match kind.habit {
        Habit::Reads(pace) => Some((
            traffic::send(&server.wire, frame(4096).encode(), STEADY),
            traffic::read(&client.wire, pace),
        )),
        Habit::Gets(bytes, rest) => {
            let unit = frame(bytes).encode();
            let pace = Pace::new(unit.len(), rest);
            Some((traffic::send(&server.wire, unit, pace), traffic::read(&client.wire, EAGER)))
        }
        Habit::Sends(pace) => {
            let unit = frame(4096).masked([1, 2, 3, 4]).encode();
            Some((traffic::send(&client.wire, unit, STEADY), traffic::read(&server.wire, pace)))
        }
        Habit::Idle => None,
    };
    Living { kind: kind.name, client, server, traffic, address, noted: [0; 2] }
}

/// Judges all at the end, while those still live who do.
pub(crate) fn end(living: Vec<Living>, world: &World, monitor: &Monitor) -> Vec<Outcome> {
    let reaped = &world.proxy.log().fields("reaped")[..];
    // Side by side: each stops its traffic, which may be resting for seconds.
    std::thread::scope(|scope| {
        let all = living.into_iter().map(|living| {
            let seen = monitor.seen(living.address);
            scope.spawn(move || living.end(seen, reaped))
        });
        let all: Vec<_> = all.collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    })
}

impl Living {
    pub(crate) fn is_connected(&self) -> bool {
        let traffic = self.traffic.as_ref();
        let cut = traffic.is_some_and(|(sent, read)| sent.has_ended() || read.has_ended());
        !cut && !self.client.wire.was_reset()
    }

    /// Remembers how far it has come.
    pub(crate) fn note(&mut self) {
        let bytes = self.traffic.as_ref().map_or(0, |(_, read)| read.bytes());
        self.noted = [self.noted[1], bytes];
    }

    fn end(mut self, seen: Seen, reaped: &[Value]) -> Outcome {
        let reaped = reaped.iter().find(|line| line["session"].as_u64() == Some(seen.id));
        let reason = reaped.map(shown).or_else(|| {
            let moved = self.traffic.is_none() || self.noted[1] > self.noted[0];
            let wrong = if !self.is_connected() {
                "cut off"
            } else if !moved {
                "got nothing any more"
            } else if self.traffic.is_none() && !self.echoes() {
                "lost a frame"
            } else {
                return None;
            };
            Some(wrong.to_owned())
        });
        Outcome { kind: self.kind, kept: reason.is_none(), longest: seen.longest, reason }
    }

    /// A frame still gets through, both ways.
    fn echoes(&mut self) -> bool {
        let frame = Frame::text("still here");
        self.client.send(&frame);
        let there = self.server.receive();
        self.server.send(&there);
        self.client.receive() == frame
    }
}

/// The proxy's own words on a reap.
fn shown(line: &Value) -> String {
    let word = |name: &str| line[name].as_str().unwrap_or("?").to_owned();
    let seconds = line["seconds_since_progress"].as_f64().unwrap_or_default();
    format!("{} {} ({}, {seconds:.2} s)", word("leg"), word("reason"), word("cause"))
}
