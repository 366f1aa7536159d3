use proptest::prelude::*;

use super::*;

const ONE: Scope = Scope::Connection(1);
const KERNEL: Scope = Scope::Named(7);

fn at(seconds: u64) -> Nanos {
    Nanos((1000 + seconds) * 1_000_000_000)
}

fn began(scope: Scope, id: u64, by: By) -> Sign {
    let (key, rule) = (Key { scope, id }, "demo/work".into());
    Sign::Began { key, rule, by, after: Duration::ZERO, lapse: None }
}

fn ended(scope: Scope, id: u64) -> Sign {
    Sign::Ended(Key { scope, id })
}

fn seconds(change: Option<Change>) -> Option<u64> {
    match change {
        Some(Change::Ended(time)) => Some(time.as_secs()),
        _ => None,
    }
}

#[test]
fn work_lasts_from_its_begin_to_its_end() {
    let mut works = Works::default();
    assert_eq!(works.on(ended(ONE, 0), at(0)), None, "an end without a beginning");
    assert_eq!(works.on(began(ONE, 0, By::Person), at(1)), Some(Change::Began));
    assert_eq!(works.on(began(ONE, 0, By::Person), at(2)), None, "it already began");
    assert_eq!(works.busy(), Some(at(1)));
    assert_eq!(seconds(works.on(ended(ONE, 0), at(61))), Some(60));
    assert_eq!((works.busy(), works.left()), (None, Some(at(61))));
}

#[test]
fn pairs_are_told_apart_by_their_keys() {
    let mut works = Works::default();
    works.on(began(KERNEL, 1, By::Person), at(0));
    assert_eq!(works.on(ended(KERNEL, 2), at(1)), None, "the end of another request");
    assert_eq!(seconds(works.on(ended(KERNEL, 1), at(90))), Some(90));
    // The other tab reports the beginning after this one has reported the end.
    assert_eq!(works.on(began(KERNEL, 1, By::Person), at(90)), None);
}

#[test]
fn a_connection_takes_its_work_with_it_and_a_kernel_does_not() {
    let mut works = Works::default();
    works.on(Sign::Listens { scope: 7, connection: 1 }, at(0));
    works.on(began(ONE, 0, By::Person), at(0));
    works.on(began(KERNEL, 3, By::Person), at(1));
    assert_eq!(works.on(Sign::Closed(1), at(10)), None);
    assert_eq!(works.open().count(), 1);
    assert!(works.open().all(|open| !works.is_watched(open)));
    assert_eq!(seconds(works.on(Sign::AllEnded(KERNEL), at(20))), Some(20));
}

#[test]
fn an_app_that_is_down_is_at_no_work() {
    let mut works = Works::default();
    works.on(began(ONE, 0, By::Person), at(0));
    works.on(began(KERNEL, 3, By::Person), at(1));
    assert_eq!(seconds(works.on(Sign::Down, at(10))), Some(10));
    assert_eq!(works.open().count(), 0);
}

#[test]
fn what_outlasts_connections_is_known_to_another_process_by_its_signs() {
    let mut works = Works::default();
    works.on(began(ONE, 0, By::Person), at(0));
    works.on(began(KERNEL, 3, By::Person), at(1));
    works.on(began(KERNEL, 4, By::Page), at(2));
    let mut next = Works::default();
    works.lasting().for_each(|(since, sign)| {
        next.on(sign, since);
    });
    assert_eq!((next.busy(), next.open().count()), (Some(at(1)), 1));
    assert_eq!(seconds(next.on(ended(KERNEL, 3), at(9))), Some(8));
}

#[test]
fn what_passes_by_counts_where_nobody_listens() {
    let mut works = Works::default();
    let state = |busy| Sign::State { scope: 7, rule: "demo/state".into(), busy };
    works.on(Sign::Listens { scope: 7, connection: 1 }, at(0));
    assert_eq!(works.on(state(true), at(1)), None, "a listener knows better");
    works.on(began(KERNEL, 3, By::Person), at(2));
    assert_eq!(works.on(state(false), at(3)), None);
    works.on(Sign::Closed(1), at(4));
    assert_eq!(works.on(state(true), at(5)), None);
    assert_eq!(seconds(works.on(state(false), at(15))), Some(13));
    assert_eq!(works.on(state(true), at(30)), Some(Change::Began));
}

#[test]
fn work_whose_begin_nobody_heard_ends_with_what_is_heard() {
    let state = |busy| Sign::State { scope: 7, rule: "demo/state".into(), busy };
    let listens = Sign::Listens { scope: 7, connection: 1 };
    // Somebody loads the page again while a cell runs: its state is reported before its messages come.
    let mut works = Works::default();
    works.on(state(true), at(0));
    works.on(listens.clone(), at(1));
    works.on(began(KERNEL, 4, By::Person), at(2));
    assert_eq!(works.on(ended(KERNEL, 3), at(3)), None, "another goes on");
    assert_eq!(seconds(works.on(ended(KERNEL, 4), at(9))), Some(9));
    // Another process saw its end.
    let mut works = Works::default();
    works.on(state(true), at(0));
    works.on(listens, at(1));
    assert_eq!(works.on(state(true), at(2)), None);
    assert_eq!(seconds(works.on(state(false), at(9))), Some(9));
}

#[test]
fn a_page_s_own_work_keeps_nothing_awake() {
    let mut works = Works::default();
    assert_eq!(works.on(began(ONE, 0, By::Page), at(0)), None);
    assert_eq!(works.on(began(ONE, 1, By::Asker), at(1)), None, "nobody asked");
    assert_eq!((works.busy(), works.open().count()), (None, 2));
    // It may be somebody's after all.
    assert_eq!(works.on(began(ONE, 0, By::Person), at(2)), Some(Change::Began));
}

#[test]
fn what_follows_from_a_person_s_work_is_a_person_s_once() {
    let mut works = Works::default();
    works.on(began(ONE, 1, By::Person), at(0));
    works.on(began(ONE, 2, By::Asker), at(1));
    assert_eq!(works.on(ended(ONE, 1), at(2)), None, "a task goes on in the background");
    assert_eq!(seconds(works.on(ended(ONE, 2), at(60))), Some(60));
    assert_eq!(works.on(began(ONE, 1, By::Asker), at(60)), None, "a timer that goes on");
}

#[test]
fn short_works_in_a_row_are_one_stretch() {
    let mut works = Works::default();
    for cell in 0..10 {
        works.on(began(KERNEL, cell + 1, By::Person), at(cell));
        works.on(ended(KERNEL, cell + 1), at(cell + 1));
    }
    assert_eq!(works.left(), Some(at(10)));
    works.on(began(KERNEL, 99, By::Person), at(30));
    assert_eq!(seconds(works.on(ended(KERNEL, 99), at(32))), Some(2));
    assert_eq!(works.left(), Some(at(10)), "too short to leave a result");
}

#[test]
fn work_may_lapse_and_may_have_to_last() {
    let mut works = Works::default();
    let sign = |id, after, lapse| Sign::Began {
        key: Key { scope: ONE, id },
        rule: "demo/poll".into(),
        by: By::Person,
        after: Duration::from_secs(after),
        lapse,
    };
    works.on(sign(1, 0, Some(Duration::from_secs(70))), at(0));
    works.on(sign(1, 0, Some(Duration::from_secs(70))), at(60));
    assert_eq!(works.tick(at(130)), None);
    assert!(seconds(works.tick(at(131))).is_some());
    assert_eq!(works.on(sign(2, 10, None), at(200)), None);
    assert_eq!(works.tick(at(209)), None);
    assert_eq!(works.tick(at(211)), Some(Change::Began));
    assert_eq!(works.busy(), Some(at(210)));
}

#[test]
fn what_is_about_to_end_ends() {
    let mut works = Works::default();
    works.on(began(KERNEL, 1, By::Person), at(0));
    assert_eq!(works.on(Sign::Ending(KERNEL), at(60)), None);
    assert_eq!(works.tick(at(64)), None);
    assert_eq!(seconds(works.tick(at(66))), Some(66));
}

#[test]
fn the_limit_counts_from_the_newest_activity() {
    let mut works = Works::default();
    works.on(began(ONE, 0, By::Person), at(10));
    let limit = Duration::from_secs(100);
    assert_eq!(works.facts(limit, Some(at(5))).until, Some(at(110)));
    assert_eq!(works.facts(limit, Some(at(50))).until, Some(at(150)));
    works.on(ended(ONE, 0), at(60));
    let over = lifecycle::Work { until: None, ended: Some(at(60)) };
    assert_eq!(works.facts(limit, None), over);
}

proptest! {
    /// For any signs: memory is bounded, and the app is busy exactly while a person's work is in progress.
    #[test]
    fn it_is_busy_while_something_is_open(
        signs in prop::collection::vec((0_u8..7, 0_u64..400, 0_u64..3, 0_u64..3), 0..600),
    ) {
        let mut works = Works::default();
        for (step, (kind, id, scope, who)) in (0..).zip(signs) {
            let by = [By::Person, By::Page, By::Asker][usize::try_from(who).unwrap()];
            let named = if scope == 0 { KERNEL } else { Scope::Connection(scope) };
            let sign = match kind {
                0..3 => began(named, id, by),
                3 => ended(named, id),
                4 if id % 2 == 0 => Sign::AllEnded(named),
                4 => Sign::Ending(named),
                5 => Sign::Listens { scope: 7, connection: scope },
                _ => Sign::Closed(scope),
            };
            works.on(sign, at(step));
            prop_assert!(works.open().count() <= MAX_OPEN);
            prop_assert!(works.listeners.len() <= MAX_LISTENERS);
            let any = works.open().any(|open| open.by == By::Person);
            prop_assert_eq!(works.busy().is_some(), any);
        }
    }
}
