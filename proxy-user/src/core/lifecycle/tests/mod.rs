//! The machine, next to a model of the world.

mod world;

use proptest::prelude::*;

use self::world::{Doing, Happens, IDLE, LIMIT, World, failure, happens, seconds};
use super::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// For any events, in any order.
    #[test]
    fn every_history_keeps_the_promises(history in proptest::collection::vec(happens(), 0..80)) {
        let mut world = World::new();
        for happens in history {
            world.happen(happens);
        }
        world.happen(Happens::Observed(Observed::Suspended));
        world.facts.kept = false;
        // Nobody comes: it ends up at rest.
        world.settle(false, 1000);
        prop_assert_eq!(world.machine.state(), State::Suspended);
        // Somebody comes: it runs, and keeps running.
        world.settle(true, 70);
        prop_assert_eq!(world.machine.state(), State::Running);
        // And it ends up at rest again.
        world.settle(false, 1000);
        prop_assert_eq!(world.machine.state(), State::Suspended);
    }
}

/// A world in which the app runs.
fn running() -> World {
    let mut world = World::new();
    world.happen(Happens::Person);
    world.happen(Happens::Good);
    assert_eq!(world.machine.state(), State::Running);
    world
}

#[test]
fn an_idle_app_is_asked_its_sessions_are_told_and_it_is_stopped() {
    let mut world = running();
    world.happen(Happens::Seconds(29));
    assert_eq!(world.machine.state(), State::Running);
    world.happen(Happens::Seconds(1));
    for doing in [Doing::Probing(2), Doing::Closing(3), Doing::Stopping(4)] {
        assert_eq!(world.doing, doing);
        world.happen(Happens::Good);
    }
    assert_eq!(world.machine.state(), State::Suspended);
}

#[test]
fn any_number_of_requests_start_it_once() {
    let mut world = World::new();
    for _ in 0..100 {
        world.happen(Happens::Request);
    }
    assert_eq!(world.doing, Doing::Starting(1));
}

#[test]
fn who_comes_while_it_is_stopped_finds_it_started_again() {
    let mut world = running();
    world.happen(Happens::Seconds(30));
    world.happen(Happens::Good);
    world.happen(Happens::Good);
    assert!(matches!(world.doing, Doing::Stopping(_)));
    world.happen(Happens::Request);
    assert!(matches!(world.doing, Doing::Stopping(_)), "it goes down first");
    world.happen(Happens::Good);
    assert!(matches!(world.doing, Doing::Starting(_)));
}

#[test]
fn pauses_between_starts_grow_and_a_person_need_not_wait_for_them() {
    let mut world = World::new();
    world.happen(Happens::Request);
    let mut pauses = Vec::new();
    for _ in 0..8 {
        world.happen(Happens::Bad);
        let State::Failed { until, tried } = world.machine.state() else {
            panic!("it has not failed")
        };
        pauses.push(until.since(tried).as_secs());
        world.facts.activity = Some(world.now);
        while !matches!(world.doing, Doing::Starting(_)) {
            world.facts.activity = Some(world.now);
            world.happen(Happens::Seconds(1));
        }
    }
    assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
    world.happen(Happens::Bad);
    world.happen(Happens::Person);
    assert_eq!(world.doing, Doing::Nothing, "once in five seconds");
    world.happen(Happens::Seconds(5));
    world.happen(Happens::Request);
    assert_eq!(world.doing, Doing::Nothing, "no person");
    world.happen(Happens::Person);
    assert!(matches!(world.doing, Doing::Starting(_)));
    world.happen(Happens::Good);
    assert!(world.machine.failure().is_some(), "it may fail again");
    for _ in 0..61 {
        world.happen(Happens::Activity);
        world.happen(Happens::Seconds(1));
    }
    assert_eq!(world.machine.failure(), None);
}

#[test]
fn an_app_that_says_that_it_is_at_work_is_asked_again_and_left_its_time() {
    let mut world = running();
    world.happen(Happens::Seconds(30));
    world.happen(Happens::Bad);
    assert_eq!(world.machine.state(), State::Running);
    assert!(world.machine.busy().is_some());
    world.happen(Happens::Seconds(59));
    assert_eq!(world.doing, Doing::Nothing);
    world.happen(Happens::Seconds(1));
    assert!(matches!(world.doing, Doing::Probing(_)));
    world.happen(Happens::Good);
    assert_eq!(world.machine.state(), State::Running, "its result can still be fetched");
    world.happen(Happens::Seconds(29));
    assert_eq!(world.doing, Doing::Nothing);
    world.happen(Happens::Seconds(1));
    world.happen(Happens::Good);
    assert!(matches!(world.doing, Doing::Closing(_)));
}

#[test]
fn work_without_an_end_keeps_it_awake_for_so_long_only() {
    let mut world = running();
    for _ in 0..600 {
        world.happen(Happens::Seconds(1));
        if matches!(world.doing, Doing::Probing(_)) {
            world.happen(Happens::Bad);
        }
    }
    assert_eq!(world.machine.state(), State::Running);
    world.happen(Happens::Seconds(60));
    assert!(matches!(world.doing, Doing::Probing(_) | Doing::Closing(_)), "{:?}", world.doing);
    world.happen(Happens::Bad);
    world.happen(Happens::Seconds(60));
    assert!(matches!(world.machine.state(), State::Suspending(_)));
}

#[test]
fn work_on_the_wire_keeps_it_awake_and_idleness_counts_from_its_end() {
    let mut world = running();
    world.facts.work.until = Some(world.now + LIMIT);
    world.happen(Happens::Seconds(200));
    assert_eq!(world.machine.state(), State::Running);
    world.facts.work = Work { until: None, ended: Some(world.now) };
    world.happen(Happens::Seconds(29));
    assert_eq!(world.machine.state(), State::Running);
    world.happen(Happens::Seconds(1));
    assert!(matches!(world.machine.state(), State::Suspending(_)));
}

#[test]
fn its_hours_keep_and_start_it() {
    let mut world = World::new();
    world.happen(Happens::Seconds(5));
    assert_eq!(world.doing, Doing::Nothing);
    world.happen(Happens::Kept(true));
    world.happen(Happens::Seconds(1));
    assert!(matches!(world.doing, Doing::Starting(_)));
    world.happen(Happens::Good);
    world.happen(Happens::Seconds(250));
    assert_eq!(world.machine.state(), State::Running);
    world.happen(Happens::Kept(false));
    world.happen(Happens::Seconds(1));
    assert!(matches!(world.machine.state(), State::Suspending(_)));
}

#[test]
fn an_app_that_ends_while_it_is_used_comes_back() {
    let mut world = running();
    world.happen(Happens::Exits);
    assert!(matches!(world.machine.state(), State::Failed { .. }));
    world.happen(Happens::Seconds(1));
    assert!(matches!(world.doing, Doing::Starting(_)));
    let mut world = running();
    world.happen(Happens::Seconds(29));
    world.facts.idle_after = Some(Duration::from_secs(10));
    world.happen(Happens::Exits);
    assert_eq!(world.machine.state(), State::Suspended, "nobody is using it");
}

#[test]
fn an_app_that_may_not_run_is_not_started() {
    let mut world = World::new();
    world.happen(Happens::Observed(Observed::Disabled));
    for happens in [Happens::Person, Happens::Wake, Happens::Seconds(60)] {
        world.happen(happens);
        assert_eq!(world.doing, Doing::Nothing);
    }
    world.happen(Happens::Observed(Observed::Suspended));
    world.happen(Happens::Person);
    assert!(matches!(world.doing, Doing::Starting(_)));
}

#[test]
fn what_an_app_said_of_itself_goes_with_it() {
    let facts = Facts { idle_after: Some(IDLE), busy_limit: LIMIT, ..Facts::default() };
    let mut machine = Lifecycle::new(State::Running, seconds(0));
    // Ticks, so that the machine does not seem to have slept.
    let pass = |machine: &mut Lifecycle, from: u64, to: u64| {
        (from..=to)
            .filter_map(|second| machine.on(LifecycleEvent::Tick, &facts, seconds(second)))
            .last()
    };
    let Some(Command::Probe(attempt)) = pass(&mut machine, 1, 30) else { panic!("not due") };
    machine.on(LifecycleEvent::Busy(attempt), &facts, seconds(30));
    assert_eq!(machine.busy(), Some(seconds(30)));
    machine.on(LifecycleEvent::Exited(failure()), &facts, seconds(31));
    assert_eq!(machine.busy(), None);
}

/// Lets time pass until the app is checked again. Returns how many seconds that took.
fn until_checked(world: &mut World) -> u64 {
    let since = world.now;
    while !matches!(world.doing, Doing::Probing(_)) {
        assert!(world.now.since(since) <= LONGEST_STOP_PAUSE, "{:?}", world.machine);
        world.happen(Happens::Seconds(1));
    }
    world.now.since(since).as_secs()
}

#[test]
fn an_app_that_cannot_be_stopped_keeps_its_sessions() {
    let mut world = running();
    world.happen(Happens::Seconds(30));
    for _ in 0..5 {
        world.happen(Happens::Stuck);
        assert_eq!((world.machine.state(), world.doing), (State::Running, Doing::Nothing));
        assert_eq!(until_checked(&mut world), 60);
    }
    // Nor does an operator end them, or work that has lasted for too long.
    let mut world = running();
    world.happen(Happens::Suspend);
    assert!(matches!(world.doing, Doing::Probing(_)));
    world.happen(Happens::Stuck);
    assert_eq!((world.machine.state(), world.doing), (State::Running, Doing::Nothing));
    until_checked(&mut world);
    while world.machine.busy().is_none_or(|since| world.now.since(since) < LIMIT) {
        world.happen(Happens::Bad);
        until_checked(&mut world);
    }
    world.happen(Happens::Stuck);
    assert_eq!((world.machine.state(), world.doing), (State::Running, Doing::Nothing));
}

#[test]
fn stops_that_fail_after_all_become_rare() {
    let mut world = running();
    world.happen(Happens::Seconds(30));
    let mut pauses = Vec::new();
    for _ in 0..8 {
        world.happen(Happens::Good);
        assert!(matches!(world.doing, Doing::Closing(_)));
        world.happen(Happens::Good);
        world.happen(Happens::Bad);
        assert_eq!(world.machine.state(), State::Running);
        pauses.push(until_checked(&mut world) / 60);
    }
    assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
    for _ in 0..3 {
        world.happen(Happens::Good);
    }
    assert_eq!(world.machine.state(), State::Suspended);
    world.happen(Happens::Person);
    world.happen(Happens::Good);
    world.happen(Happens::Seconds(30));
    assert!(matches!(world.doing, Doing::Probing(_)), "it could be stopped in the end");
}

#[test]
fn an_operator_has_an_app_suspended_although_it_is_used_and_at_work() {
    let mut world = running();
    world.happen(Happens::Suspend);
    for _ in 0..3 {
        world.happen(Happens::Activity);
        world.happen(Happens::Seconds(1));
        world.happen(Happens::Good);
    }
    assert_eq!(world.machine.state(), State::Suspended);
    // It was about to be suspended anyway, and says that it is at work.
    let mut world = running();
    world.happen(Happens::Seconds(30));
    world.happen(Happens::Suspend);
    world.happen(Happens::Bad);
    assert!(matches!(world.doing, Doing::Closing(_)));
}
