//! Simulated legs, sweeps and peers.

use std::cell::Cell;

use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const INTERVAL: Duration = Duration::from_secs(25);
const TIMEOUT: Duration = Duration::from_secs(20);

/// A leg and its peer.
#[derive(Debug, Default)]
struct TestPeer {
    pulse: Pulse,
    sent: u64,
    read: u64,
    queued: u64,
    held_up: bool,
    waits: bool,
    /// It answers pings at once.
    answers: bool,
    ponged: Cell<bool>,
    place: u32,
}

impl Peer for TestPeer {
    fn ping_waits(&self) -> bool {
        self.waits
    }

    fn ponged(&self) -> bool {
        self.ponged.take()
    }

    fn queued(&self) -> u64 {
        self.queued
    }

    fn held_up(&self) -> bool {
        self.held_up
    }
}

impl TestPeer {
    fn answering(place: u32) -> TestPeer {
        TestPeer { place, answers: true, ..TestPeer::default() }
    }

    /// One sweep, followed by what the pump would do.
    fn sweep(&mut self, round: &Round) -> KeepaliveVerdict {
        let mut pulse = self.pulse;
        let verdict = pulse.look((self.sent, self.read), self.place, round, self);
        self.pulse = pulse;
        if verdict == KeepaliveVerdict::Ping && !self.waits {
            self.sent += 10;
            if self.answers {
                self.read += 14;
                self.ponged.set(true);
            }
        }
        verdict
    }
}

fn at(second: u32) -> Nanos {
    Nanos(0) + SECOND * second
}

fn round_of(interval: Duration, timeout: Option<Duration>, second: u32) -> Round {
    Round::new(interval, timeout, SECOND, (at(second.saturating_sub(1)), at(second)))
}

fn round(second: u32) -> Round {
    round_of(INTERVAL, Some(TIMEOUT), second)
}

/// The second in which the leg is given up on, if before `until`.
fn given_up(leg: &mut TestPeer, until: u32) -> Option<u32> {
    (1..until).find(|&second| leg.sweep(&round(second)) == KeepaliveVerdict::Unreachable)
}

#[test]
fn a_silent_leg_is_pinged_within_the_interval_and_then_once_in_it() {
    for place in 0..2000 {
        let mut leg = TestPeer::answering(place);
        let pings: Vec<u32> = (1..1000)
            .filter(|&second| leg.sweep(&round(second)) == KeepaliveVerdict::Ping)
            .collect();
        // The first sweep may come a second after the session's start.
        assert!((12..=24).contains(&pings[0]), "{place}: the first in second {}", pings[0]);
        let second = pings[1] - pings[0];
        assert!(second == 11 || second == 12 || place % 2 == 0, "{place}: {second}");
        for pair in pings[1..].windows(2) {
            assert!((22..=25).contains(&(pair[1] - pair[0])), "{place}: {pair:?}");
        }
    }
}

#[test]
fn fifty_thousand_that_fall_silent_at_once_are_pinged_in_a_trickle() {
    const SESSIONS: u32 = 50_000;
    let mut legs: Vec<TestPeer> = (0..SESSIONS).map(TestPeer::answering).collect();
    let mut histogram = Vec::new();
    for second in 1..=300 {
        let round = round(second);
        let pings = legs
            .iter_mut()
            .filter_map(|leg| (leg.sweep(&round) == KeepaliveVerdict::Ping).then_some(()));
        histogram.push(pings.count());
    }
    // Once all have been pinged twice.
    let settled = &histogram[50..];
    let (most, sum) = (settled.iter().max().unwrap(), settled.iter().sum::<usize>());
    let mean = sum / settled.len();
    for (second, pings) in histogram.iter().enumerate().take(60) {
        println!("second {:2}  {pings:5}  {}", second + 1, "#".repeat(pings / 100));
    }
    println!("{SESSIONS} legs: mean {mean} pings a second, most {most}");
    assert!(*most < mean * 3 / 2, "most {most}, mean {mean}");
    // At first all fall silent in the same second.
    assert!(*histogram.iter().max().unwrap() < mean * 5 / 2);
    assert!(sum > 0);
}

#[test]
fn sessions_that_come_over_time_are_pinged_evenly() {
    let mut legs: Vec<TestPeer> = (0..10_000).map(TestPeer::answering).collect();
    let mut histogram = Vec::new();
    for second in 1..=400_u32 {
        let round = round(second);
        // A hundred are opened each second.
        let open = legs.len().min(100 * second as usize);
        let pings = legs[..open].iter_mut().map(|leg| leg.sweep(&round));
        histogram.push(pings.filter(|verdict| *verdict == KeepaliveVerdict::Ping).count());
    }
    let settled = &histogram[200..];
    let most = *settled.iter().max().unwrap();
    let mean = settled.iter().sum::<usize>() / settled.len();
    assert!(most < mean * 3 / 2, "most {most}, mean {mean}");
}

#[test]
fn traffic_one_way_is_not_enough() {
    for outgoing in [true, false] {
        let mut leg = TestPeer::answering(3);
        let mut pings = 0;
        for second in 1..=100 {
            if outgoing {
                leg.sent += 1000
            } else {
                leg.read += 1000
            }
            pings += u32::from(leg.sweep(&round(second)) == KeepaliveVerdict::Ping);
        }
        assert!((3..=5).contains(&pings), "{pings}");
    }
}

#[test]
fn traffic_both_ways_needs_no_ping() {
    let mut leg = TestPeer::answering(3);
    for second in 1..=1000 {
        if second % 10 == 0 {
            (leg.sent, leg.read) = (leg.sent + 1, leg.read + 1);
        }
        assert_eq!(leg.sweep(&round(second)), KeepaliveVerdict::Fine);
    }
}

#[test]
fn switching_it_on_is_no_burst() {
    let mut legs: Vec<TestPeer> = (0..1000).map(TestPeer::answering).collect();
    for leg in &mut legs {
        leg.sweep(&round(1));
    }
    // No sweep for an hour, because keepalive was off.
    let pinged = |second| {
        let round = round(second);
        move |leg: &mut TestPeer| leg.sweep(&round) == KeepaliveVerdict::Ping
    };
    let first: usize = legs.iter_mut().map(pinged(3601)).filter(|pinged| *pinged).count();
    assert!(first < 120, "{first} of 1000 in the first second");
}

#[test]
fn who_does_not_answer_is_given_up() {
    let mut leg = TestPeer { place: 5, ..TestPeer::default() };
    let end = given_up(&mut leg, 100).unwrap();
    // The first ping, the timeout, and a sweep that notices that the ping was sent.
    assert!((12 + 20..=24 + 22).contains(&end), "{end}");
}

#[test]
fn a_peer_that_is_never_given_up() {
    let mut leg = TestPeer::default();
    assert!(
        (1..10_000)
            .all(|s| leg.sweep(&round_of(INTERVAL, None, s)) != KeepaliveVerdict::Unreachable)
    );
}

#[test]
fn any_byte_is_an_answer() {
    let mut leg = TestPeer::default();
    for second in 1..1000 {
        if second % 19 == 0 {
            leg.read += 1;
        }
        assert_ne!(leg.sweep(&round(second)), KeepaliveVerdict::Unreachable, "in second {second}");
    }
    // It never answers a ping but is alive: later silence proves nothing.
    assert_eq!(given_up(&mut leg, 1000), None);
    // Once it has answered one, silence does.
    leg.answers = true;
    for second in 1000..1100 {
        leg.sweep(&round(second));
    }
    leg.answers = false;
    let end =
        (1100..1200).find(|&second| leg.sweep(&round(second)) == KeepaliveVerdict::Unreachable);
    assert!(end.is_some());
}

#[test]
fn a_ping_that_waits_for_its_place_blames_nobody() {
    let mut leg = TestPeer { waits: true, ..TestPeer::default() };
    assert_eq!(given_up(&mut leg, 1000), None);
}

#[test]
fn a_peer_that_is_not_read_is_not_blamed() {
    let mut leg = TestPeer { held_up: true, ..TestPeer::default() };
    assert_eq!(given_up(&mut leg, 1000), None);
}

#[test]
fn what_else_is_queued_is_not_judged_here() {
    let mut leg = TestPeer { queued: 1000, ..TestPeer::default() };
    assert_eq!(given_up(&mut leg, 1000), None);
    // A ping that is never acknowledged is judged here.
    let mut leg = TestPeer { queued: 14, ..TestPeer::default() };
    assert!(given_up(&mut leg, 100).is_some());
}

#[test]
fn a_sleeper_that_wakes_in_time_is_kept() {
    let mut leg = TestPeer { place: 9, ..TestPeer::default() };
    let pinged =
        (1..100).find(|&second| leg.sweep(&round(second)) == KeepaliveVerdict::Ping).unwrap();
    for second in pinged + 1..pinged + 19 {
        assert_ne!(leg.sweep(&round(second)), KeepaliveVerdict::Unreachable);
    }
    leg.read += 14;
    leg.ponged.set(true);
    leg.answers = true;
    assert!((pinged + 19..1000).all(|s| leg.sweep(&round(s)) != KeepaliveVerdict::Unreachable));
}

#[test]
fn the_memory_of_a_session_is_one_cache_line() {
    assert!(size_of::<[Pulse; 2]>() <= 64, "{}", size_of::<[Pulse; 2]>());
}

proptest! {
    /// For any traffic, although a sweep sees it late: no direction is silent for longer than the interval,
    /// and no ping comes before half of it.
    #[test]
    fn no_silence_outlasts_the_interval(
        place in 0_u32..100_000,
        interval in 3_u32..400,
        start in 0_u32..5_000_000,
        traffic in prop::collection::vec((0_u64..60_000, any::<bool>()), 0..60),
    ) {
        let interval = SECOND * interval;
        let mut traffic = traffic.into_iter();
        let mut leg = TestPeer::answering(place);
        // When each direction last had traffic, in milliseconds.
        let mut now = u64::from(start) * 1000;
        let mut last = [now; 2];
        let mut pings = 0;
        let mut next = traffic.next().map(|(wait, out)| (now + wait, out));
        for _ in 0..600 {
            let before = now;
            now += 1000;
            while let Some((at, out)) = next.filter(|(at, _)| *at <= now) {
                if out { leg.sent += 100 } else { leg.read += 100 }
                last[usize::from(out)] = at;
                next = traffic.next().map(|(wait, out)| (at + wait, out));
            }
            for at in last {
                prop_assert!(now - at <= whole(interval), "silent for {} ms", now - at);
            }
            let nanos = |at: u64| Nanos(at * 1_000_000);
            let round = Round::new(interval, None, SECOND, (nanos(before), nanos(now)));
            if leg.sweep(&round) == KeepaliveVerdict::Ping {
                pings += 1;
                let sooner = pings == 2 && place % 2 == 1;
                let part = if sooner { 4 } else { 2 };
                let silence = now - last[0].min(last[1]);
                prop_assert!(part * silence + 4500 >= whole(interval), "after {silence} ms");
                last = [now; 2];
            }
        }
    }
}
