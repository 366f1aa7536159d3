//! Reports in simulated time.

use proptest::prelude::*;

use super::*;
use crate::core::gate::Reason;

const INTERVAL: Duration = Duration::from_secs(30);

fn at(second: u64) -> Nanos {
    Nanos(second * 1_000_000_000)
}

fn activity(second: u64) -> Option<LastUse> {
    Some(Activity { at: at(second), reason: Reason::Input }.into())
}

fn work(second: u64) -> Option<LastUse> {
    Some(LastUse::work(at(second)))
}

#[test]
fn the_newest_of_an_interval_follows_when_it_ends() {
    let mut outbox = Outbox::default();
    assert_eq!(outbox.poll(activity(100), at(100), INTERVAL), activity(100));
    assert_eq!(outbox.poll(activity(101), at(101), INTERVAL), None, "only one is in flight");
    outbox.answered(true, at(101));
    for now in 101..130 {
        assert_eq!(outbox.poll(activity(110), at(now), INTERVAL), None);
    }
    assert_eq!(outbox.poll(activity(110), at(130), INTERVAL), activity(110));
    outbox.answered(true, at(130));
    assert_eq!(outbox.poll(activity(110), at(1000), INTERVAL), None, "told once");
}

#[test]
fn a_failure_is_tried_again_with_what_is_newest_then() {
    let mut outbox = Outbox::default();
    assert_eq!(outbox.poll(activity(1), at(1), INTERVAL), activity(1));
    outbox.answered(false, at(2));
    assert_eq!(outbox.poll(activity(2), at(2), INTERVAL), None);
    assert_eq!(outbox.poll(activity(3), at(3), INTERVAL), activity(3));
    outbox.answered(false, at(4));
    assert_eq!(outbox.poll(activity(3), at(5), INTERVAL), None, "the back-off has doubled");
    assert_eq!(outbox.poll(activity(3), at(6), INTERVAL), activity(3));
}

#[test]
fn what_is_left_goes_out_at_the_end() {
    let mut outbox = Outbox::default();
    assert_eq!(outbox.last(None), None);
    assert_eq!(outbox.poll(activity(1), at(1), INTERVAL), activity(1));
    assert_eq!(outbox.last(activity(1)), activity(1), "not answered yet");
    outbox.answered(true, at(2));
    assert_eq!(outbox.last(activity(1)), None);
    assert_eq!(outbox.last(activity(5)), activity(5), "the interval does not apply");
}

/// While an app is at work the time is `now`, so the activity before it is older than what was reported.
#[test]
fn what_was_told_of_work_stands_when_it_is_over() {
    let mut outbox = Outbox::default();
    assert_eq!(outbox.poll(activity(100), at(100), INTERVAL), activity(100));
    outbox.answered(true, at(100));
    for now in [130, 160] {
        assert_eq!(outbox.poll(work(now - 1), at(now - 1), INTERVAL), None, "the interval applies");
        assert_eq!(outbox.poll(work(now), at(now), INTERVAL), work(now));
        outbox.answered(true, at(now));
    }
    assert_eq!(outbox.poll(activity(101), at(1000), INTERVAL), None);
    assert_eq!(outbox.last(activity(101)), None);
    assert_eq!(outbox.poll(activity(1001), at(1001), INTERVAL), activity(1001));
}

proptest! {
    /// For any failures: once the control plane answers again, the newest activity gets accepted, and two
    /// accepted reports are never closer than the interval.
    #[test]
    fn nothing_is_lost_and_nothing_is_hurried(
        steps in prop::collection::vec((any::<bool>(), any::<bool>()), 1..300),
    ) {
        let mut outbox = Outbox::default();
        let (mut newest, mut now) = (None, 0);
        let (mut told, mut told_at) = (None, None::<u64>);
        let steps = steps.into_iter().chain([(false, true); 100]);
        for (active, up) in steps {
            now += 1;
            if active {
                newest = activity(now);
            }
            if let Some(sent) = outbox.poll(newest, at(now), INTERVAL) {
                prop_assert_eq!(Some(sent), newest);
                outbox.answered(up, at(now));
                if up {
                    if let Some(before) = told_at {
                        prop_assert!(now - before >= 30);
                    }
                    told_at = Some(now);
                    told = Some(sent);
                }
            }
        }
        prop_assert_eq!(told, newest);
    }
}
