//! Control planes in simulated time.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const BOUNDS: Bounds = Bounds { count: 8, bytes: 100, in_flight: 2 };

fn at(second: u64) -> Nanos {
    Nanos(second * 1_000_000_000)
}

fn name(app: u8) -> Arc<str> {
    format!("app-{app}").into()
}

/// All that is due now.
fn due(queue: &mut Queue<u32>, now: u64) -> Vec<(String, u32)> {
    std::iter::from_fn(|| queue.next(at(now))).map(|(app, n)| (app.to_string(), n)).collect()
}

fn pair(app: u8, n: u32) -> (String, u32) {
    (name(app).to_string(), n)
}

#[test]
fn an_app_s_second_waits_for_its_first_and_other_apps_do_not() {
    let mut queue = Queue::new(BOUNDS);
    for (app, n) in [(0, 1), (0, 2), (1, 3)] {
        assert_eq!(queue.push(&name(app), n, 10, at(1)), 0);
    }
    assert_eq!(due(&mut queue, 1), [pair(0, 1), pair(1, 3)]);
    queue.answered(&name(0), false, at(1));
    queue.answered(&name(1), true, at(1));
    assert_eq!((due(&mut queue, 1), queue.due()), (vec![], Some(at(2))));
    assert_eq!(due(&mut queue, 2), [pair(0, 1)], "again, after a second");
    queue.answered(&name(0), false, at(2));
    assert_eq!((due(&mut queue, 3), due(&mut queue, 4)), (vec![], vec![pair(0, 1)]));
    queue.answered(&name(0), true, at(4));
    assert_eq!(due(&mut queue, 4), [pair(0, 2)]);
    queue.answered(&name(0), true, at(5));
    assert!(queue.is_empty() && queue.due().is_none());
}

#[test]
fn so_many_are_under_way_at_a_time() {
    let mut queue = Queue::new(BOUNDS);
    for app in 0..4 {
        queue.push(&name(app), u32::from(app), 10, at(1));
    }
    assert_eq!(due(&mut queue, 1).len(), 2);
    assert_eq!(queue.due(), None);
    queue.answered(&name(0), false, at(1));
    assert_eq!(due(&mut queue, 1), [pair(2, 2)], "the one that failed has to wait");
}

#[test]
fn the_oldest_makes_room() {
    let mut queue = Queue::new(BOUNDS);
    for n in 0..8 {
        assert_eq!(queue.push(&name(0), n, 10, at(1)), 0);
    }
    assert_eq!(due(&mut queue, 1), [pair(0, 0)]);
    assert_eq!(queue.push(&name(1), 8, 10, at(1)), 1, "too many");
    assert_eq!(queue.push(&name(1), 9, 40, at(1)), 2, "too large together");
    assert_eq!(queue.push(&name(1), 10, 101, at(1)), 1, "too large by itself: nothing else goes");
    queue.answered(&name(0), true, at(1));
    let mut told = Vec::new();
    while let Some((app, n)) = queue.next(at(1)) {
        told.push(n);
        queue.answered(&app, true, at(1));
    }
    told.sort_unstable();
    assert_eq!(told, [4, 5, 6, 7, 8, 9]);
}

#[test]
fn an_app_of_which_all_was_dropped_keeps_its_pause() {
    let mut queue = Queue::new(Bounds { count: 1, ..BOUNDS });
    queue.push(&name(0), 1, 10, at(1));
    assert_eq!(due(&mut queue, 1), [pair(0, 1)]);
    assert_eq!(queue.push(&name(0), 2, 10, at(1)), 1, "everything is under way");
    queue.answered(&name(0), false, at(1));
    assert_eq!(queue.push(&name(0), 3, 10, at(1)), 1);
    assert_eq!((due(&mut queue, 1), due(&mut queue, 2)), (vec![], vec![pair(0, 3)]));
    queue.answered(&name(0), false, at(2));
    assert_eq!(queue.push(&name(1), 4, 10, at(2)), 1);
    assert_eq!(due(&mut queue, 9), [pair(1, 4)]);
    assert_eq!(queue.apps.len(), 1, "nothing is kept of an app that has nothing to tell");
}

#[test]
fn nothing_waits_at_the_end() {
    let mut queue = Queue::new(BOUNDS);
    for app in 0..2 {
        queue.push(&name(app), u32::from(app), 10, at(1));
    }
    assert_eq!(due(&mut queue, 1).len(), 2);
    queue.answered(&name(0), false, at(1));
    queue.hurry(at(1));
    assert_eq!(due(&mut queue, 1), [pair(0, 0)]);
    assert_eq!(queue.len(), 2);
}

#[derive(Clone, Debug)]
enum Step {
    Push(u8, usize),
    Answer(bool),
    Wait(u64),
    Hurry,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0_u8..5, 1_usize..60).prop_map(|(app, bytes)| Step::Push(app, bytes)),
        4 => any::<bool>().prop_map(Step::Answer),
        2 => (0_u64..5).prop_map(Step::Wait),
        1 => Just(Step::Hurry),
    ]
}

proptest! {
    /// Whatever fails: each notice is told or was counted as dropped, in order for each app, the bounds
    /// hold, no app is tried before its pause is over, and all is told once the control plane answers.
    #[test]
    fn nothing_is_lost_unseen(steps in prop::collection::vec(step(), 1..300)) {
        let mut queue = Queue::new(BOUNDS);
        let (mut now, mut pushed, mut dropped) = (1, 0_u32, 0);
        let mut under_way: Vec<(Arc<str>, u32)> = Vec::new();
        let mut told: BTreeMap<Arc<str>, Vec<u32>> = BTreeMap::new();
        let mut not_before: BTreeMap<Arc<str>, u64> = BTreeMap::new();
        let recovers = [Step::Answer(true), Step::Answer(true), Step::Wait(60)].into_iter();
        for step in steps.into_iter().chain(recovers.cycle().take(90)) {
            match step {
                Step::Push(app, bytes) => {
                    dropped += queue.push(&name(app), pushed, bytes, at(now));
                    pushed += 1;
                }
                Step::Answer(accepted) if !under_way.is_empty() => {
                    let (app, n) = under_way.remove(0);
                    queue.answered(&app, accepted, at(now));
                    if accepted {
                        not_before.remove(&app);
                        told.entry(app).or_default().push(n);
                    } else {
                        not_before.insert(app, now + 1);
                    }
                }
                Step::Answer(_) => {}
                Step::Wait(seconds) => now += seconds,
                Step::Hurry => {
                    queue.hurry(at(now));
                    not_before.clear();
                }
            }
            while let Some((app, n)) = queue.next(at(now)) {
                prop_assert!(not_before.get(&app).is_none_or(|at| *at <= now), "no pause");
                prop_assert!(under_way.iter().all(|(other, _)| *other != app), "two of one app");
                under_way.push((app, n));
            }
            prop_assert!(under_way.len() <= BOUNDS.in_flight);
            prop_assert!(queue.len() <= BOUNDS.count && queue.bytes <= BOUNDS.bytes);
            let told: usize = told.values().map(Vec::len).sum();
            prop_assert_eq!(told + dropped + queue.len(), pushed as usize);
            let waits = queue.apps.values().any(|line| !line.in_flight);
            let has_room = under_way.len() < BOUNDS.in_flight;
            prop_assert_eq!(queue.due().is_some(), waits && has_room, "when it is woken");
        }
        prop_assert!(queue.is_empty() && queue.apps.is_empty() && queue.ready.is_empty());
        prop_assert!(queue.waiting.is_empty() && queue.bytes == 0 && queue.in_flight == 0);
        prop_assert!(told.values().all(|told| told.is_sorted_by(|a, b| a < b)), "{told:?}");
    }
}
