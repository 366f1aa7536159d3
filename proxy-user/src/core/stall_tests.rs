//! The stall verdict in simulated time.

use proptest::prelude::*;

use super::*;

const GRACE: Duration = Duration::from_secs(30);

fn second(n: u64) -> Nanos {
    Nanos(n * 1_000_000_000)
}

fn sample(queued: u64, acked: u64, progress: Nanos) -> Sample {
    Sample {
        state: TcpState::Established,
        acked,
        received: 0,
        queued,
        progress,
        window: 0,
        rtt_us: 100,
        retransmits: 0,
        timeouts: 0,
    }
}

#[test]
fn a_frozen_peer_is_stalled_grace_after_its_last_progress() {
    let mut watch = Watch::default();
    assert_eq!(watch.look(&sample(9, 100, second(1)), false, second(1), GRACE), StallVerdict::Fine);
    // Progress at 2.4 s, seen at 3 s.
    let last = Nanos(2_400_000_000);
    for now in 3..=32 {
        assert_eq!(
            watch.look(&sample(9, 500, last), false, second(now), GRACE),
            StallVerdict::Fine,
            "{now}"
        );
    }
    assert_eq!(watch.look(&sample(9, 500, last), false, second(33), GRACE), StallVerdict::Stalled);
}

#[test]
fn a_write_after_long_silence_is_not_an_old_stall() {
    let mut watch = Watch::default();
    for now in 1..1000 {
        assert_eq!(
            watch.look(&sample(0, 100, second(1)), false, second(now), GRACE),
            StallVerdict::Fine
        );
    }
    for now in 1000..1030 {
        assert_eq!(
            watch.look(&sample(5, 100, second(1)), false, second(now), GRACE),
            StallVerdict::Fine
        );
    }
    assert_eq!(
        watch.look(&sample(5, 100, second(1)), false, second(1030), GRACE),
        StallVerdict::Stalled
    );
}

#[test]
fn timeouts_on_an_open_window_mean_a_lost_path() {
    let lost = Sample { timeouts: 3, window: 65_536, ..sample(9, 100, second(1)) };
    let mut watch = Watch::default();
    assert_eq!(watch.look(&lost, false, second(1), GRACE), StallVerdict::Fine);
    assert_eq!(watch.look(&lost, false, second(31), GRACE), StallVerdict::Unreachable);
    let gone = Sample { state: TcpState::Close, ..lost };
    assert_eq!(watch.look(&gone, false, second(32), GRACE), StallVerdict::Unreachable);
}

#[test]
fn a_peer_that_closed_its_side_has_grace_to_take_the_rest() {
    let half = |acked| Sample { state: TcpState::CloseWait, ..sample(0, acked, second(1)) };
    let mut watch = Watch::default();
    for now in 1..100 {
        assert_eq!(
            watch.look(&half(now), false, second(now), GRACE),
            StallVerdict::Fine,
            "it still reads"
        );
    }
    assert_eq!(watch.look(&half(99), false, second(130), GRACE), StallVerdict::PeerClosed);
}

#[test]
fn the_last_words_of_a_peer_that_closed_are_waited_for() {
    for state in [TcpState::CloseWait, TcpState::LastAck, TcpState::Close] {
        let gone = Sample { state, ..sample(0, 7, second(1)) };
        let mut watch = Watch::default();
        for now in 1..1000 {
            assert_eq!(
                watch.look(&gone, true, second(now), GRACE),
                StallVerdict::Fine,
                "{state:?}"
            );
        }
        for now in 1000..1030 {
            assert_eq!(
                watch.look(&gone, false, second(now), GRACE),
                StallVerdict::Fine,
                "{state:?}"
            );
        }
        assert_eq!(watch.look(&gone, false, second(1030), GRACE), StallVerdict::PeerClosed);
    }
}

#[test]
fn closing_our_side_first_is_no_fault_of_the_peer() {
    let ours = Sample { state: TcpState::FinWait2, ..sample(0, 7, second(1)) };
    let mut watch = Watch::default();
    for now in 1..1000 {
        assert_eq!(watch.look(&ours, false, second(now), GRACE), StallVerdict::Fine);
    }
}

proptest! {
    /// A peer that takes at least one byte in every grace period is never convicted, at any pace of looks and
    /// progress.
    #[test]
    fn slow_is_alive(
        steps in prop::collection::vec((1u64..3_000, 0u64..29_000), 1..200),
    ) {
        let mut watch = Watch::default();
        let (mut now, mut progress, mut acked) = (0u64, 0u64, 1u64);
        for (pace, gap) in steps {
            now += pace;
            if now - progress >= gap {
                acked += 1;
                progress = now;
            }
            let at = |ms: u64| Nanos(ms * 1_000_000);
            let verdict = watch.look(&sample(1_000, acked, at(progress)), false, at(now), GRACE);
            prop_assert_eq!(verdict, StallVerdict::Fine);
        }
    }

    /// Looks at a leg at rest may be skipped.
    #[test]
    fn looks_at_rest_change_nothing(
        steps in prop::collection::vec((0u64..3, 0u64..2, 1u64..20), 1..200),
    ) {
        let (mut every, mut some) = (Watch::default(), Watch::default());
        let (mut now, mut acked, mut progress) = (1u64, 0u64, 0u64);
        for (queued, more, pace) in steps {
            now += pace;
            if more > 0 {
                (acked, progress) = (acked + more, now);
            }
            let sample = sample(queued, acked, second(progress));
            let verdict = every.look(&sample, false, second(now), GRACE);
            let doubt = every.take_doubt();
            if queued == 0 && some.at_rest() {
                prop_assert_eq!((verdict, doubt), (StallVerdict::Fine, false));
            } else {
                prop_assert_eq!(some.look(&sample, false, second(now), GRACE), verdict);
                prop_assert_eq!(some.take_doubt(), doubt);
            }
            prop_assert_eq!(some.waiting_since(), every.waiting_since());
        }
    }

    /// A peer that takes nothing is convicted by the first look that is `grace` after the first one that saw
    /// bytes queued.
    #[test]
    fn frozen_is_found(paces in prop::collection::vec(1u64..3_000, 30..200)) {
        let mut watch = Watch::default();
        let (mut now, mut first) = (1u64, None);
        for pace in paces {
            now += pace;
            let first = *first.get_or_insert(now);
            let verdict = watch.look(&sample(1, 7, Nanos(0)), false, Nanos(now * 1_000_000), GRACE);
            let due = now - first >= 30_000;
            prop_assert_eq!(verdict == StallVerdict::Stalled, due);
            if due {
                break;
            }
        }
    }
}
