//! The comparison in simulated time.

use proptest::prelude::*;

use super::*;

const IDLE: Duration = Duration::from_secs(10);

fn second(n: u64) -> Nanos {
    Nanos(n * 1_000_000_000)
}

fn sight(counted: u64, any: u64, request: u64, sessions: usize) -> Sight {
    Sight { counted: second(counted), any: second(any), request: second(request), sessions }
}

#[test]
fn a_forgotten_tab_is_told_once_with_what_others_would_have_said() {
    let mut shadow = Shadow::new(IDLE, second(0));
    // A click at 3 s, then only heartbeats, one a second, in an open session.
    for now in 4..13 {
        assert_eq!(shadow.look(second(now), &sight(3, now, 1, 2)), None, "{now}");
    }
    let told = shadow.look(second(13), &sight(3, 13, 1, 2)).unwrap();
    assert_eq!(told.counted, second(13));
    assert_eq!(told.opcode_only, Due::At(second(23)));
    assert_eq!(told.presence, Due::Never(2));
    assert!(!told.opcode_only.is_past(second(13)) && !told.presence.is_past(second(13)));
    for now in 14..100 {
        assert_eq!(shadow.look(second(now), &sight(3, now, 1, 2)), None, "{now}");
    }
    assert_eq!(shadow.times(), 1);
    let suspended = Suspended { counted: Duration::from_secs(86), ..Suspended::default() };
    assert_eq!(shadow.suspended(), suspended);
    // A person comes back and leaves again.
    assert_eq!(shadow.look(second(101), &sight(101, 101, 1, 2)), None);
    assert!(shadow.look(second(111), &sight(101, 111, 1, 2)).is_some());
    assert_eq!(shadow.times(), 2);
}

#[test]
fn without_sessions_all_agree_but_for_polls() {
    let mut shadow = Shadow::new(IDLE, second(0));
    shadow.look(second(5), &sight(1, 4, 4, 1));
    // The session was last open at 5 s, the app was polled at 7 s.
    let told = shadow.look(second(16), &sight(1, 7, 7, 0)).unwrap();
    assert_eq!(told.counted, second(11));
    assert_eq!(told.opcode_only, Due::At(second(17)));
    assert_eq!(told.presence, Due::At(second(17)));
    assert!(told.presence.is_past(second(17)));
}

#[test]
fn an_app_that_nobody_ever_used_is_idle_from_the_start() {
    let mut shadow = Shadow::new(IDLE, second(100));
    let never = Sight { counted: second(100), ..sight(0, 0, 0, 0) };
    assert_eq!(shadow.look(second(109), &never), None);
    let told = shadow.look(second(110), &never).unwrap();
    let all = second(110);
    assert_eq!(
        told,
        Comparison { counted: all, opcode_only: Due::At(all), presence: Due::At(all) }
    );
}

proptest! {
    /// Each second something may happen: a person, a heartbeat, a session opening or closing.
    #[test]
    fn told_once_a_stretch_and_never_under_a_person(
        events in prop::collection::vec((any::<bool>(), any::<bool>(), 0_usize..3), 1..200),
        rare in 1_u64..40,
    ) {
        let mut shadow = Shadow::new(IDLE, second(0));
        let (mut counted, mut any, mut told_for) = (0, 0, None);
        for (now, (person, beat, sessions)) in (1_u64..).zip(events) {
            if person && now % rare == 0 {
                counted = now;
            }
            if beat {
                any = now;
            }
            let seen = sight(counted, any, 0, sessions);
            let told = shadow.look(second(now), &seen);
            prop_assert_eq!(told.is_some(), now >= counted + 10 && told_for != Some(counted));
            if told.is_some() {
                told_for = Some(counted);
            }
            let now = second(now);
            let all = shadow.compare(&seen);
            // Opcodes and presence see at least what Ebbtide counts.
            prop_assert!(!all.opcode_only.is_past(now) || all.counted <= now);
            let sums = shadow.suspended();
            prop_assert!(sums.opcode_only <= sums.counted);
        }
    }
}
