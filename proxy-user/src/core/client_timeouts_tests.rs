use super::*;

const HEAD: Duration = Duration::from_secs(10);

fn at(seconds: u64) -> Nanos {
    Nanos(0) + Duration::from_secs(1000 + seconds)
}

/// A connection that starts at 0 s.
fn fresh() -> ClientTimeouts {
    ClientTimeouts::new(Limits::new(HEAD), at(0))
}

/// A connection whose first request came at 0 s.
fn asked(body: bool) -> (ClientTimeouts, Turn) {
    let mut timeouts = fresh();
    let turn = timeouts.asked(body, at(0));
    (timeouts, turn)
}

/// Runs the machine through its own wake-ups from `from` on, as the watchdog does, calling `awake` before
/// each. Returns the last step and its time.
fn outcome(
    timeouts: &mut ClientTimeouts,
    from: u64,
    mut awake: impl FnMut(&mut ClientTimeouts, Nanos),
) -> (Step, u64) {
    let mut now = at(from);
    for _ in 0..1000 {
        awake(timeouts, now);
        match timeouts.step(now) {
            Step::Wait(Some(next)) => {
                assert!(next > now, "a wait must end in the future");
                now = next;
            }
            Step::Look => {}
            step => return (step, now.since(at(0)).as_secs()),
        }
    }
    (Step::Wait(Some(now)), now.since(at(0)).as_secs())
}

fn left_alone(timeouts: &mut ClientTimeouts, from: u64) -> (Step, u64) {
    outcome(timeouts, from, |_, _| {})
}

/// Whether there is nothing to do but to check the client's presence.
fn waits(timeouts: &mut ClientTimeouts, now: Nanos) -> bool {
    let step = match timeouts.step(now) {
        Step::Look => timeouts.step(now),
        step => step,
    };
    matches!(step, Step::Wait(Some(_)))
}

#[test]
fn a_connection_that_says_nothing_is_cut_after_the_time_for_a_head() {
    assert_eq!(left_alone(&mut fresh(), 0), (Step::Cut(Overdue::Head), 10));
}

#[test]
fn more_bytes_of_a_head_do_not_buy_time() {
    let drips = |timeouts: &mut ClientTimeouts, now: Nanos| timeouts.arrived(now);
    let mut timeouts = fresh();
    timeouts.arrived(at(9));
    assert_eq!(outcome(&mut timeouts, 9, drips), (Step::Cut(Overdue::Head), 10));
}

#[test]
fn an_idle_connection_outlives_a_load_balancer_s_minute_and_is_retired() {
    let (mut timeouts, turn) = asked(false);
    timeouts.answered(turn, at(5));
    assert_eq!(timeouts.step(at(5 + 60)), Step::Wait(Some(at(5 + 75))));
    assert_eq!(left_alone(&mut timeouts, 5), (Step::Retire, 80));
    // A head that began before this was noticed gets its full time, and no more.
    assert_eq!(left_alone(&mut timeouts, 80), (Step::Cut(Overdue::Head), 90));
}

#[test]
fn a_head_after_idleness_has_the_time_of_a_head_from_its_first_byte() {
    let (mut timeouts, turn) = asked(false);
    timeouts.answered(turn, at(0));
    timeouts.arrived(at(70));
    assert_eq!(left_alone(&mut timeouts, 70), (Step::Cut(Overdue::Head), 80));
}

/// Long polls, and event streams without events.
#[test]
fn an_app_may_take_any_time() {
    for body in [false, true] {
        let (mut timeouts, turn) = asked(body);
        timeouts.uploaded(turn, at(1));
        assert!(matches!(left_alone(&mut timeouts, 1).0, Step::Wait(_)));
        // The next request is already here; the machine does not ask which one the bytes belong to.
        timeouts.arrived(at(2));
        assert!(matches!(left_alone(&mut timeouts, 100_000).0, Step::Wait(_)));
    }
}

/// Nothing is read from the client meanwhile, so there is no other sign of it.
#[test]
fn whether_a_client_that_waits_is_there_is_looked_at_now_and_then() {
    for body in [false, true] {
        let (mut timeouts, _) = asked(body);
        for look in [10, 20, 30] {
            assert_eq!(timeouts.step(at(look - 1)), Step::Wait(Some(at(look))), "{body}");
            assert_eq!(timeouts.step(at(look)), Step::Look, "{body}");
        }
    }
}

#[test]
fn a_client_that_nobody_keeps_waiting_is_not_looked_at() {
    let (mut timeouts, turn) = asked(false);
    timeouts.answered(turn, at(1));
    assert_eq!(left_alone(&mut timeouts, 1), (Step::Retire, 76));
}

#[test]
fn a_body_that_stops_arriving_is_cut() {
    let (mut timeouts, turn) = asked(true);
    timeouts.wanted(turn, at(1));
    timeouts.wanted(turn, at(30));
    assert_eq!(left_alone(&mut timeouts, 30), (Step::Cut(Overdue::Body), 61));
}

#[test]
fn a_slow_body_goes_on_as_long_as_something_arrives() {
    let (mut timeouts, turn) = asked(true);
    let mut now = 0;
    for _ in 0..100 {
        timeouts.wanted(turn, at(now));
        now += 59;
        assert!(waits(&mut timeouts, at(now)));
        timeouts.given(turn, at(now));
    }
    timeouts.uploaded(turn, at(now));
    assert!(matches!(left_alone(&mut timeouts, now).0, Step::Wait(_)));
}

/// There the client waits for us, not the other way round.
#[test]
fn a_body_that_the_app_does_not_take_is_not_the_client_s_fault() {
    let (mut timeouts, turn) = asked(true);
    let (step, _) = left_alone(&mut timeouts, 0);
    assert!(matches!(step, Step::Wait(Some(_))), "{step:?}");
    timeouts.given(turn, at(100_000));
    assert!(waits(&mut timeouts, at(200_000)));
}

/// The app's task does not wake the watchdog when it starts to wait.
#[test]
fn a_body_that_is_owed_is_noticed_soon_after_its_time() {
    let (mut timeouts, turn) = asked(true);
    let wants = |timeouts: &mut ClientTimeouts, _: Nanos| timeouts.wanted(turn, at(1));
    let Step::Wait(Some(look)) = timeouts.step(at(0)) else { panic!("it must look again") };
    assert!(look <= at(15));
    assert_eq!(outcome(&mut timeouts, 15, wants), (Step::Cut(Overdue::Body), 61));
}

#[test]
fn an_answer_that_comes_before_the_body_s_end_leaves_the_body_its_time() {
    let (mut timeouts, turn) = asked(true);
    timeouts.answered(turn, at(0));
    timeouts.given(turn, at(50));
    assert!(matches!(timeouts.step(at(80)), Step::Wait(Some(_))), "idle only after the body");
    assert_eq!(left_alone(&mut timeouts, 80), (Step::Cut(Overdue::Body), 110));
    timeouts.uploaded(turn, at(100));
    assert_eq!(left_alone(&mut timeouts, 100), (Step::Retire, 175));
}

#[test]
fn what_is_left_of_a_request_is_not_taken_for_the_next() {
    let (mut timeouts, first) = asked(true);
    timeouts.answered(first, at(1));
    let second = timeouts.asked(true, at(1));
    timeouts.uploaded(first, at(2));
    timeouts.answered(first, at(2));
    timeouts.wanted(second, at(3));
    timeouts.given(first, at(4));
    assert_eq!(left_alone(&mut timeouts, 4), (Step::Cut(Overdue::Body), 63));
}

#[test]
fn a_client_that_takes_nothing_of_its_answer_is_given_up() {
    let (mut timeouts, _) = asked(false);
    let frozen = |timeouts: &mut ClientTimeouts, now: Nanos| {
        timeouts.refused(now, || 7);
    };
    assert_eq!(outcome(&mut timeouts, 0, frozen), (Step::Cut(Overdue::Answer), 60));
}

/// A queue of megabytes may drain for minutes before it has room again.
#[test]
fn a_client_that_takes_little_keeps_its_answer() {
    let (mut timeouts, _) = asked(false);
    let mut acked = 0;
    let slow = |timeouts: &mut ClientTimeouts, now: Nanos| {
        timeouts.refused(now, || {
            acked += 1;
            acked
        });
    };
    let (step, seconds) = outcome(&mut timeouts, 0, slow);
    assert!(matches!(step, Step::Wait(Some(_))), "{step:?} after {seconds} s");
    assert!(seconds > 3600, "{seconds}");
    let frozen = |timeouts: &mut ClientTimeouts, now: Nanos| {
        timeouts.refused(now, || 1_000_000);
    };
    let (step, end) = outcome(&mut timeouts, seconds, frozen);
    assert_eq!(step, Step::Cut(Overdue::Answer));
    assert!((60..=75).contains(&(end - seconds)), "{end} after {seconds}");
}

#[test]
fn nobody_is_given_up_for_what_nobody_looked_at() {
    let (mut timeouts, _) = asked(false);
    timeouts.refused(at(0), || 7);
    let (step, _) = left_alone(&mut timeouts, 0);
    assert!(matches!(step, Step::Wait(Some(_))), "{step:?}");
}

#[test]
fn the_kernel_is_asked_a_few_times_a_minute_only() {
    let (mut timeouts, _) = asked(false);
    let mut looks = 0;
    for millis in 0..60_000 {
        let now = at(0) + Duration::from_millis(millis);
        timeouts.refused(now, || {
            looks += 1;
            7
        });
    }
    assert_eq!(looks, 4);
}

#[test]
fn the_end_of_an_answer_may_drain_before_idleness_begins() {
    let (mut timeouts, turn) = asked(false);
    let mut acked = 0;
    timeouts.refused(at(0), || 0);
    timeouts.answered(turn, at(1));
    for second in 1..300 {
        timeouts.refused(at(second), || {
            acked += 1;
            acked
        });
        assert!(matches!(timeouts.step(at(second)), Step::Wait(Some(_))), "at {second} s");
    }
    timeouts.written(at(300));
    assert_eq!(left_alone(&mut timeouts, 300), (Step::Retire, 375));
}

#[test]
fn a_client_that_sends_on_behind_its_last_answer_is_read_for_a_while() {
    for abandoned in [true, false] {
        let (mut timeouts, turn) = asked(true);
        if abandoned {
            timeouts.abandoned(turn, at(0));
        }
        timeouts.answered(turn, at(0));
        assert!(timeouts.closing(at(1)));
        let sends = |timeouts: &mut ClientTimeouts, now: Nanos| timeouts.arrived(now);
        assert_eq!(outcome(&mut timeouts, 1, sends), (Step::Cut(Overdue::Close), 31));
    }
}

#[test]
fn and_no_longer_than_it_sends() {
    let (mut timeouts, turn) = asked(true);
    timeouts.abandoned(turn, at(0));
    timeouts.answered(turn, at(0));
    assert!(timeouts.closing(at(1)));
    timeouts.arrived(at(3));
    assert_eq!(left_alone(&mut timeouts, 3), (Step::Cut(Overdue::Close), 8));
}

#[test]
fn a_client_whose_requests_were_whole_sends_nothing_more() {
    let (mut timeouts, turn) = asked(true);
    timeouts.uploaded(turn, at(0));
    timeouts.answered(turn, at(0));
    assert!(!timeouts.closing(at(1)));
    let (mut timeouts, first) = asked(true);
    timeouts.abandoned(first, at(0));
    timeouts.answered(first, at(0));
    timeouts.asked(false, at(1));
    assert!(!timeouts.closing(at(1)), "what was left of the first has been read");
}
