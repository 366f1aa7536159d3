//! Who is let in, whatever happens.

use proptest::prelude::*;

use super::*;

fn second(seconds: u64) -> Nanos {
    Nanos((1000 + seconds) * 1_000_000_000)
}

const ANN: Browser = Browser(1);
const BOB: Browser = Browser(2);
const CAT: Browser = Browser(3);

fn ahead(turn: Turn) -> Option<usize> {
    match turn {
        Turn::Enter => None,
        Turn::Wait(_, ahead) => Some(ahead),
    }
}

fn place(turn: Turn) -> PlaceId {
    match turn {
        Turn::Enter => panic!("it need not wait"),
        Turn::Wait(id, _) => id,
    }
}

/// One seat, which somebody else has.
fn full() -> SeatQueue {
    let mut queue = SeatQueue::new(Some(1));
    assert!(queue.take(Browser(9), second(0)));
    queue
}

#[test]
fn who_waits_longest_comes_first_and_nobody_takes_their_seat() {
    let mut queue = full();
    assert_eq!(queue.enter(ANN, second(0)), Err(0));
    let ann = place(queue.listen(ANN, second(0)));
    let bob = place(queue.listen(BOB, second(0)));
    assert_eq!((ahead(queue.turn(ann)), ahead(queue.turn(bob))), (Some(0), Some(1)));
    assert_eq!(queue.enter(CAT, second(1)), Err(2));
    queue.release(Browser(9), second(1));
    assert_eq!((ahead(queue.turn(ann)), ahead(queue.turn(bob))), (None, Some(0)));
    assert!(!queue.take(CAT, second(2)) && !queue.take(BOB, second(2)));
    assert_eq!(queue.enter(BOB, second(2)), Err(0));
    assert_eq!(queue.enter(ANN, second(9)), Ok(()));
    assert!(queue.take(ANN, second(38)));
    assert_eq!(ahead(queue.turn(bob)), Some(0));
}

#[test]
fn a_seat_is_kept_for_so_long() {
    let mut queue = full();
    queue.listen(ANN, second(0));
    let bob = place(queue.listen(BOB, second(0)));
    queue.release(Browser(9), second(0));
    queue.pass(second(9));
    assert_eq!(ahead(queue.turn(bob)), Some(0));
    queue.pass(second(10));
    assert_eq!(ahead(queue.turn(bob)), None, "the first did not come");
    queue.pass(second(20));
    assert_eq!(queue.enter(CAT, second(20)), Ok(()));
}

#[test]
fn who_goes_loses_the_place_after_a_while() {
    let mut queue = full();
    let ann = place(queue.listen(ANN, second(0)));
    let bob = place(queue.listen(BOB, second(0)));
    queue.leave(ann, second(1));
    assert_eq!(place(queue.listen(ANN, second(5))), ann, "the connection was cut");
    queue.leave(ann, second(6));
    queue.release(Browser(9), second(7));
    assert_eq!(ahead(queue.turn(bob)), None, "the first is not there");
    assert_eq!(ahead(queue.turn(ann)), Some(0));
    assert!(queue.take(BOB, second(8)));
    queue.pass(second(16));
    assert_ne!(place(queue.listen(ANN, second(17))), ann);
}

#[test]
fn a_page_without_scripts_asks() {
    let mut queue = full();
    let ann = place(queue.ask(ANN, second(0)));
    queue.listen(BOB, second(1));
    assert_eq!(place(queue.ask(ANN, second(14))), ann);
    queue.pass(second(29));
    assert_eq!(ahead(queue.ask(ANN, second(30))), Some(1), "it has not asked for long");
}

#[test]
fn who_only_looks_gets_no_place() {
    let mut queue = SeatQueue::new(Some(1));
    assert_eq!(queue.look(ANN, second(0)), None);
    assert!(queue.take(BOB, second(0)), "the seat is still free");
    assert_eq!(queue.look(ANN, second(1)), Some(0));
    queue.listen(CAT, second(2));
    assert_eq!(queue.look(ANN, second(2)), Some(1));
    queue.release(BOB, second(3));
    assert_eq!((queue.look(ANN, second(3)), queue.look(CAT, second(3))), (Some(0), None));
}

#[test]
fn who_loads_the_page_again_gets_the_seat_back() {
    let mut queue = SeatQueue::new(Some(1));
    assert!(queue.take(ANN, second(0)));
    let bob = place(queue.listen(BOB, second(0)));
    let ann = place(queue.listen(ANN, second(1)));
    queue.release(ANN, second(2));
    assert_eq!((ahead(queue.turn(ann)), ahead(queue.turn(bob))), (None, Some(0)));
}

#[test]
fn each_tab_has_a_place() {
    let mut queue = full();
    let tabs = [(); 2].map(|()| place(queue.listen(ANN, second(0))));
    queue.release(Browser(9), second(1));
    assert_eq!(tabs.map(|tab| ahead(queue.turn(tab))), [None, Some(0)]);
}

#[test]
fn a_limit_that_changes_lets_in_or_drives_nobody_out() {
    let mut queue = full();
    let ann = place(queue.listen(ANN, second(0)));
    let bob = place(queue.listen(BOB, second(0)));
    queue.set_limit(Some(2), second(0));
    assert_eq!((ahead(queue.turn(ann)), ahead(queue.turn(bob))), (None, Some(0)));
    queue.set_limit(Some(1), second(0));
    assert!(queue.take(ANN, second(1)), "it was told to come");
    assert_eq!(queue.taken(), 2);
    queue.release(ANN, second(2));
    assert_eq!(ahead(queue.turn(bob)), Some(0));
    queue.set_limit(None, second(3));
    assert_eq!(ahead(queue.turn(bob)), None);
    assert_eq!(queue.enter(CAT, second(3)), Ok(()));
}

#[derive(Clone, Copy, Debug)]
enum Happens {
    Listen(u128),
    Ask(u128),
    Leave(usize),
    Enter(u128),
    Take(u128),
    Release(usize),
    Seconds(u64),
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        3 => (0_u128..8).prop_map(Happens::Listen),
        1 => (0_u128..8).prop_map(Happens::Ask),
        1 => (0_usize..8).prop_map(Happens::Leave),
        1 => (0_u128..8).prop_map(Happens::Enter),
        3 => (0_u128..8).prop_map(Happens::Take),
        3 => (0_usize..8).prop_map(Happens::Release),
        2 => (1_u64..20).prop_map(Happens::Seconds),
    ]
}

#[test]
fn pages_that_only_ask_are_bounded() {
    let mut queue = full();
    for who in 0..2 * MAX_PLACES as u128 {
        assert!(matches!(queue.ask(Browser(100 + who), second(0)), Turn::Wait(..)));
    }
    assert_eq!(queue.places.len(), MAX_PLACES);
    // Whoever has a place keeps it.
    assert!(matches!(queue.ask(Browser(100), second(1)), Turn::Wait(_, 0)));
}

proptest! {
    /// No seat is promised twice; each goes to the first who is present; none stays free while somebody waits.
    #[test]
    fn seats_are_given_in_order(limit in 1_usize..4, steps in prop::collection::vec(happens(), 0..200)) {
        let mut queue = SeatQueue::new(Some(limit));
        let mut seated: Vec<Browser> = Vec::new();
        let mut now = second(0);
        for step in steps {
            let before = queue.places.clone();
            let mut own = None;
            match step {
                Happens::Listen(who) => { queue.listen(Browser(who), now); }
                Happens::Ask(who) => { queue.ask(Browser(who), now); }
                Happens::Leave(at) => {
                    if let Some(id) = queue.places.get(at).map(|place| place.id) {
                        queue.leave(id, now);
                    }
                }
                Happens::Enter(who) => { let _ = queue.enter(Browser(who), now); }
                Happens::Take(who) => {
                    if queue.take(Browser(who), now) {
                        seated.push(Browser(who));
                    }
                }
                Happens::Release(at) => {
                    if at < seated.len() {
                        let who = seated.swap_remove(at);
                        queue.release(who, now);
                        own = Some(who);
                    }
                }
                Happens::Seconds(seconds) => {
                    now = now + Duration::from_secs(seconds);
                    queue.pass(now);
                }
            }
            prop_assert_eq!(queue.taken(), seated.len());
            prop_assert!(queue.taken() + queue.kept.len() <= limit);
            let waits = queue.places.iter().any(Place::is_there);
            prop_assert!(queue.free() == 0 || !waits, "a seat is free and somebody waits");
            // Whoever is let in had nobody present before them, unless they get their own seat back.
            let stays = |place: &Place| queue.places.iter().any(|other| other.id == place.id);
            let mut passed_over = false;
            for place in before.iter().filter(|place| !place.is_over(now) && place.is_there()) {
                if stays(place) {
                    passed_over = true;
                } else {
                    prop_assert!(!passed_over || own == Some(place.browser), "out of order");
                }
            }
        }
    }

    /// Whoever has `n` before them is let in when `n + 1` seats have become free, whoever else comes.
    #[test]
    fn nobody_starves(others in 1_u128..12, late in prop::collection::vec(20_u128..40, 0..40)) {
        let mut queue = full();
        let places: Vec<_> =
            (10..10 + others).map(|who| place(queue.listen(Browser(who), second(0)))).collect();
        let mut late = late.into_iter();
        let mut holder = Browser(9);
        for (who, id) in (10..).zip(places) {
            late.by_ref().take(4).for_each(|other| {
                queue.listen(Browser(other), second(1));
                assert!(queue.enter(Browser(other), second(1)).is_err());
                assert!(!queue.take(Browser(other), second(1)));
            });
            queue.release(holder, second(1));
            prop_assert_eq!(queue.turn(id), Turn::Enter);
            holder = Browser(who);
            prop_assert!(queue.take(holder, second(1)));
        }
    }
}
