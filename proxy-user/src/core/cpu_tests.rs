use proptest::prelude::*;

use super::*;

const READY: Nanos = Nanos(1_000_000_000_000);

fn seconds(count: f64) -> Duration {
    Duration::from_secs_f64(count)
}

/// Samples every `step` an app that has used `used(t)` by `t` seconds after it came up.
fn last(step: f64, until: f64, used: impl Fn(f64) -> f64) -> Duration {
    let mut load = Load::new(READY);
    let mut mean = Duration::ZERO;
    let mut at = 0.0;
    while at <= until {
        mean = load.sample(READY + seconds(at), seconds(used(at)));
        at += step;
    }
    mean
}

#[test]
fn what_the_start_takes_does_not_count() {
    let busy_start = |at: f64| 100.0 + at.min(SETTLING.as_secs_f64()) * 4.0;
    for until in [5.0, 15.0, 60.0, 300.0] {
        assert_eq!(last(5.0, until, busy_start), Duration::ZERO, "{until}");
    }
}

#[test]
fn work_is_seen_in_its_minute_and_not_after_it() {
    // Computes on one core from second 100 to second 130.
    let job = |at: f64| (at - 100.0).clamp(0.0, 30.0);
    let above = |until| is_above(last(5.0, until, job), 20);
    assert_eq!([100.0, 110.0, 115.0].map(above), [false, false, true], "12 s of 60");
    assert_eq!([130.0, 175.0, 180.0, 300.0].map(above), [true, true, false, false]);
}

#[test]
fn a_counter_that_begins_anew_is_no_work() {
    let mut load = Load::new(READY);
    for second in (20..100).step_by(5) {
        load.sample(READY + seconds(f64::from(second)), seconds(f64::from(second)));
    }
    assert_eq!(load.sample(READY + seconds(100.0), seconds(3.0)), Duration::ZERO);
    assert_eq!(load.sample(READY + seconds(105.0), seconds(5.0)), seconds(2.0));
}

#[test]
fn a_share_of_a_core_is_exceeded() {
    assert!(!is_above(seconds(12.0), 20));
    assert!(is_above(seconds(12.1), 20));
    assert!(is_above(seconds(121.0), 200));
}

proptest! {
    /// At any sampling interval.
    #[test]
    fn a_steady_load_is_its_share_of_the_window(
        rate in 0.0f64..16.0,
        steps in prop::collection::vec(0.2f64..14.0, 20..200),
    ) {
        let mut load = Load::new(READY);
        let (mut at, mut mean) = (SETTLING.as_secs_f64(), Duration::ZERO);
        load.sample(READY + seconds(at), seconds(at * rate));
        for step in steps {
            at += step;
            mean = load.sample(READY + seconds(at), seconds(at * rate));
        }
        let window = WINDOW.as_secs_f64().min(at - SETTLING.as_secs_f64());
        prop_assert!((mean.as_secs_f64() - rate * window).abs() < 1e-3, "{mean:?} {rate} {window}");
    }

    /// Never more than was used, and nothing of what was used while it settled.
    #[test]
    fn no_more_than_was_used(
        steps in prop::collection::vec((0.1f64..20.0, 0.0f64..30.0), 1..100),
    ) {
        let mut load = Load::new(READY);
        let (mut at, mut used, mut counted) = (0.0, 0.0, 0.0);
        for (step, more) in steps {
            at += step;
            used += more;
            let settled = at - step >= SETTLING.as_secs_f64();
            counted = if settled { counted + more } else { 0.0 };
            let mean = load.sample(READY + seconds(at), seconds(used));
            prop_assert!(mean.as_secs_f64() <= counted + 1e-6, "{mean:?} {counted}");
        }
    }
}
