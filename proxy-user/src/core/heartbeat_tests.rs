//! A page and an app in simulated time.

use proptest::prelude::*;

use super::*;

const TIMEOUT: Duration = Duration::from_secs(10);

fn seconds(seconds: u64) -> Nanos {
    Nanos(seconds * 1_000_000_000)
}

#[test]
fn an_app_that_answers_is_left_to_it() {
    let mut heartbeat = Heartbeat::new(Mode::Auto, TIMEOUT);
    for minute in 0..5 {
        assert_eq!(heartbeat.asked(seconds(60 * minute)), Step::Wait);
        assert_eq!(heartbeat.answered(), Fate::Pass);
        assert_eq!(heartbeat.deadline(), None);
    }
}

#[test]
fn an_old_app_is_answered_for_when_it_proves_to_live() {
    let mut heartbeat = Heartbeat::new(Mode::Auto, TIMEOUT);
    assert_eq!(heartbeat.asked(seconds(0)), Step::Wait);
    assert_eq!(heartbeat.deadline(), Some(seconds(1)));
    assert_eq!(heartbeat.due(seconds(1)), Step::Ping);
    assert_eq!(heartbeat.ponged(), Step::Answer(1));
    // It is known now: no more waiting.
    assert_eq!(heartbeat.asked(seconds(30)), Step::Ping);
    assert_eq!(heartbeat.ponged(), Step::Answer(1));
    assert_eq!(heartbeat.deadline(), None);
}

#[test]
fn a_frozen_app_is_vouched_for_by_nobody() {
    for mode in [Mode::Auto, Mode::App, Mode::Proxy] {
        let mut heartbeat = Heartbeat::new(mode, TIMEOUT);
        heartbeat.asked(seconds(0));
        while let Some(deadline) = heartbeat.deadline() {
            match heartbeat.due(deadline) {
                Step::End => break,
                step => assert_eq!(step, Step::Ping, "{mode:?}"),
            }
            assert!(deadline <= seconds(10), "{mode:?}");
        }
        assert_eq!(heartbeat.deadline(), Some(seconds(10)), "{mode:?}");
    }
}

#[test]
fn an_answer_that_comes_late_is_not_a_second_one() {
    let mut heartbeat = Heartbeat::new(Mode::Auto, TIMEOUT);
    heartbeat.asked(seconds(0));
    heartbeat.due(seconds(1));
    assert_eq!(heartbeat.ponged(), Step::Answer(1));
    assert_eq!(heartbeat.answered(), Fate::Swallow);
    // It does answer: from now on it must.
    assert_eq!(heartbeat.asked(seconds(30)), Step::Wait);
    assert_eq!(heartbeat.answered(), Fate::Pass);
    heartbeat.asked(seconds(60));
    assert_eq!(heartbeat.due(seconds(70)), Step::End);
}

#[derive(Clone, Copy, Debug)]
enum Happens {
    Asked,
    Answered,
    Ponged,
    Time(u8),
}

fn anything() -> impl Strategy<Value = Happens> {
    prop_oneof![
        Just(Happens::Asked),
        Just(Happens::Answered),
        Just(Happens::Ponged),
        (0u8..8).prop_map(Happens::Time),
    ]
}

proptest! {
    /// Whatever happens: a working app's page never gets more answers than it sent heartbeats, a ping is only
    /// sent if none is outstanding, and nothing stays unanswered beyond the timeout.
    #[test]
    fn nobody_is_answered_twice(events in prop::collection::vec(anything(), 0..60)) {
        let mut heartbeat = Heartbeat::new(Mode::Auto, TIMEOUT);
        let (mut now, mut asked, mut said, mut answers, mut pinged) = (seconds(1), 0, 0, 0, false);
        for event in events {
            let step = match event {
                Happens::Asked => {
                    asked += 1;
                    heartbeat.asked(now)
                }
                // An app answers each heartbeat once.
                Happens::Answered if said < asked => {
                    said += 1;
                    answers += u32::from(heartbeat.answered() == Fate::Pass);
                    Step::Wait
                }
                Happens::Ponged if pinged => {
                    pinged = false;
                    heartbeat.ponged()
                }
                Happens::Time(more) => {
                    now = now + Duration::from_secs(more.into());
                    heartbeat.due(now)
                }
                _ => Step::Wait,
            };
            match step {
                Step::Ping => {
                    prop_assert!(!pinged);
                    pinged = true;
                }
                Step::Answer(more) => answers += more,
                Step::End => break,
                Step::Wait => {}
            }
            prop_assert!(answers <= asked, "{answers} answers to {asked}");
        }
    }
}
