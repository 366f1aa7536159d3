use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use super::*;

/// Which actor did what.
type Seen = (char, &'static str);

/// A fake session: reports every turn and its end, and follows its script.
#[derive(Debug)]
struct Actor {
    name: char,
    script: VecDeque<Act>,
    seen: Sender<Seen>,
}

#[derive(Debug)]
enum Act {
    Wait,
    Until(Duration),
    /// Asks for another turn every time.
    Forever,
    Over,
    Panic,
    /// Wakes its own waker during its turn.
    Ring(Arc<SessionWaker>),
}

impl Turns for Actor {
    fn register(&mut self, _: &Registry, _: [Token; 2]) -> io::Result<()> {
        if self.script.is_empty() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn turn(&mut self, call: Call, Round { now, .. }: Round<'_>) -> Turn {
        let word = match call {
            Call::SessionWaker => "waker",
            Call::Socket(..) => "socket",
            Call::Asked => "asked",
        };
        self.seen.send((self.name, word)).unwrap();
        match self.script.pop_front() {
            None | Some(Act::Wait) => Turn::Wait(None),
            Some(Act::Until(time)) => Turn::Wait(Some(now + time)),
            Some(Act::Forever) => {
                self.script.push_front(Act::Forever);
                Turn::Again
            }
            Some(Act::Over) => Turn::Over,
            Some(Act::Panic) => panic!("as scripted"),
            Some(Act::Ring(waker)) => {
                std::task::Waker::from(waker).wake();
                Turn::Wait(None)
            }
        }
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        // The receiver may be gone.
        let _ = self.seen.send((self.name, "over"));
    }
}

struct Stage {
    pumps: Pumps,
    thread: Option<JoinHandle<()>>,
    seen: (Sender<Seen>, Receiver<Seen>),
}

impl Stage {
    fn new() -> Stage {
        let (pumps, thread) = Pumps::start("stage".to_owned()).unwrap();
        Stage { pumps, thread: Some(thread), seen: channel() }
    }

    fn enter(&self, name: char, waker: &Arc<SessionWaker>, script: impl Into<VecDeque<Act>>) {
        let actor = Actor { name, script: script.into(), seen: self.seen.0.clone() };
        if self.pumps.add(Arc::clone(waker), Box::new(actor)) {
            self.pumps.call();
        }
    }

    /// The next report.
    fn next(&self) -> Seen {
        self.seen.1.recv_timeout(Duration::from_secs(20)).unwrap()
    }

    fn end(&mut self) {
        self.pumps.stop();
        self.thread.take().unwrap().join().unwrap();
    }
}

fn ring(waker: &Arc<SessionWaker>) {
    std::task::Waker::from(Arc::clone(waker)).wake();
}

#[test]
fn a_bell_is_heard_also_before_its_session_has_come() {
    let mut stage = Stage::new();
    let waker = stage.pumps.waker();
    ring(&waker);
    stage.enter('a', &waker, [Act::Wait, Act::Wait, Act::Over]);
    // The first turn comes from the handover; the wake-up may cause another.
    assert_eq!(stage.next(), ('a', "waker"));
    ring(&waker);
    assert_eq!(stage.next(), ('a', "waker"));
    stage.end();
    let rest: Vec<_> = stage.seen.1.try_iter().collect();
    assert_eq!(rest.last(), Some(&('a', "over")));
}

#[test]
fn a_bell_rung_in_a_turn_gives_another_turn() {
    let mut stage = Stage::new();
    let waker = stage.pumps.waker();
    stage.enter('a', &waker, [Act::Ring(Arc::clone(&waker)), Act::Over]);
    for word in ["waker", "waker", "over"] {
        assert_eq!(stage.next(), ('a', word));
    }
    stage.end();
}

#[test]
fn a_deadline_gives_a_turn_and_a_new_one_takes_its_place() {
    let mut stage = Stage::new();
    let (waker, other) = (stage.pumps.waker(), stage.pumps.waker());
    let hour = Duration::from_secs(3600);
    stage.enter('a', &waker, [Act::Until(hour), Act::Until(Duration::ZERO), Act::Over]);
    assert_eq!(stage.next(), ('a', "waker"));
    ring(&waker);
    assert_eq!(stage.next(), ('a', "waker"));
    for word in ["asked", "over"] {
        assert_eq!(stage.next(), ('a', word));
    }
    stage.enter('b', &other, [Act::Until(Duration::from_millis(20)), Act::Over]);
    for word in ["waker", "asked", "over"] {
        assert_eq!(stage.next(), ('b', word));
    }
    stage.end();
}

#[test]
fn a_busy_session_keeps_no_other_waiting() {
    let mut stage = Stage::new();
    let (busy, other) = (stage.pumps.waker(), stage.pumps.waker());
    stage.enter('a', &busy, [Act::Forever]);
    assert_eq!(stage.next(), ('a', "waker"));
    stage.enter('b', &other, [Act::Over]);
    let mut turns = std::iter::from_fn(|| Some(stage.next())).take(10_000_000);
    assert!(turns.any(|seen| seen == ('b', "waker")));
    stage.end();
}

#[test]
fn each_that_asks_has_one_turn_in_a_round() {
    let mut stage = Stage::new();
    let (first, second) = (stage.pumps.waker(), stage.pumps.waker());
    stage.enter('a', &first, [Act::Forever]);
    for _ in 0..5 {
        while stage.next() != ('a', "waker") {}
        ring(&first);
    }
    while stage.next() != ('a', "waker") {}
    stage.enter('b', &second, [Act::Forever]);
    while stage.next() != ('b', "waker") {}
    // The round in which it arrived may already have begun.
    let turns = std::iter::from_fn(|| Some(stage.next())).skip_while(|seen| seen.0 == 'a');
    let turns: String = turns.take(100).map(|seen| seen.0).collect();
    assert_eq!(turns, "ba".repeat(50));
    stage.end();
}

#[test]
fn a_panic_ends_one_session() {
    let mut stage = Stage::new();
    let (waker, other) = (stage.pumps.waker(), stage.pumps.waker());
    stage.enter('b', &other, [Act::Wait, Act::Over]);
    assert_eq!(stage.next(), ('b', "waker"));
    stage.enter('a', &waker, [Act::Panic]);
    assert_eq!(stage.next(), ('a', "waker"));
    assert_eq!(stage.next(), ('a', "over"));
    ring(&other);
    assert_eq!(stage.next(), ('b', "waker"));
    assert_eq!(stage.next(), ('b', "over"));
    stage.end();
}

#[test]
fn what_cannot_be_polled_is_closed() {
    let mut stage = Stage::new();
    stage.enter('a', &stage.pumps.waker(), []);
    assert_eq!(stage.next(), ('a', "over"));
    stage.end();
}

#[test]
fn a_place_is_given_again_only_when_its_bell_is_gone() {
    let stage = Stage::new();
    let (first, second) = (stage.pumps.waker(), stage.pumps.waker());
    assert_ne!(first.place(), second.place());
    assert_eq!(stage.pumps.load(), 2);
    let place = first.place();
    drop(first);
    assert_eq!(stage.pumps.load(), 1);
    assert_eq!(stage.pumps.waker().place(), place);
    // When no place is in use, the lowest comes next.
    drop(second);
    assert_eq!(stage.pumps.load(), 0);
    assert_eq!(stage.pumps.waker().place(), 0);
}

#[test]
fn all_sessions_are_dropped_when_it_is_stopped() {
    let mut stage = Stage::new();
    let wakers: Vec<_> = ('a'..'f').map(|name| (name, stage.pumps.waker())).collect();
    for (name, waker) in &wakers {
        stage.enter(*name, waker, [Act::Wait]);
        assert_eq!(stage.next(), (*name, "waker"));
    }
    stage.end();
    for (name, _) in wakers {
        assert_eq!(stage.next(), (name, "over"));
    }
}

#[test]
fn one_call_is_enough_for_all_that_have_arrived() {
    let mut stage = Stage::new();
    let (first, second) = (stage.pumps.waker(), stage.pumps.waker());
    let actor = |name| {
        let (script, seen) = (VecDeque::from([Act::Wait]), stage.seen.0.clone());
        Box::new(Actor { name, script, seen })
    };
    assert!(stage.pumps.add(Arc::clone(&first), actor('a')));
    assert!(!stage.pumps.add(Arc::clone(&second), actor('b')));
    stage.pumps.call();
    assert_eq!([stage.next(), stage.next()], [('a', "waker"), ('b', "waker")]);
    stage.end();
}
