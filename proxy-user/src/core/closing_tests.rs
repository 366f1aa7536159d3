use std::collections::{HashMap, VecDeque};

use super::Side::{App, Client};
use super::*;

fn orders(client: Order, app: Order) -> PerSide<Order> {
    PerSide { client, app }
}

/// One leg's environment: what the peer and its kernel can still do, and what has been sent to them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Wire {
    closed: bool,
    ended: bool,
    deaf: bool,
    /// Close frames sent to it, ours and the other peer's.
    closes: u8,
    fins: u8,
    fin_written: bool,
    resets: u8,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct World {
    machine: Closing,
    wires: PerSide<Wire>,
    parted: bool,
}

/// What can happen next: an event on a socket, a cause, or the timeout.
#[derive(Clone, Copy, Debug)]
enum Happening {
    On(ClosingEvent),
    End(Cause),
    Late,
}

impl World {
    fn wire(&mut self, side: Side) -> &mut Wire {
        &mut self.wires[side]
    }

    /// Everything that can happen next. Sockets that were reset produce no events.
    fn happenings(&self) -> Vec<Happening> {
        let mut all: Vec<_> = Cause::ALL.into_iter().map(Happening::End).collect();
        if self.parted {
            all.push(Happening::Late);
        }
        for (side, wire) in self.wires.iter() {
            if wire.resets > 0 {
                continue;
            }
            if !wire.ended {
                all.push(Happening::On(ClosingEvent::Fin { side, cut: false }));
                all.push(Happening::On(ClosingEvent::Fin { side, cut: true }));
                all.push(Happening::On(ClosingEvent::Broken(side)));
                if !wire.closed {
                    all.push(Happening::On(ClosingEvent::Close(side)));
                }
            }
            if !wire.deaf && !wire.fin_written {
                all.push(Happening::On(ClosingEvent::Deaf(side)));
            }
            if wire.fins > 0 && !wire.fin_written && !wire.deaf {
                all.push(Happening::On(ClosingEvent::Finished(side)));
            }
        }
        all
    }

    /// The world after something has happened. `rival`: a cause that another thread set first, if the machine
    /// comes up with one.
    fn after(&self, happening: Happening, rival: Option<Cause>) -> World {
        let mut world = self.clone();
        match happening {
            Happening::On(event) => {
                match event {
                    ClosingEvent::Close(side) => {
                        world.wire(side).closed = true;
                        // Passed on, unless the session has ended or the other leg cannot be written.
                        let passes = !world.parted && !world.wire(side.other()).deaf;
                        if passes && world.wire(side.other()).fins == 0 {
                            world.wire(side.other()).closes += 1;
                        }
                    }
                    ClosingEvent::Fin { side, .. } => world.wire(side).ended = true,
                    ClosingEvent::Broken(side) => world.wire(side).ended = true,
                    ClosingEvent::Deaf(side) => world.wire(side).deaf = true,
                    ClosingEvent::Finished(side) => world.wire(side).fin_written = true,
                }
                match world.machine.on(event) {
                    Step::Rest => {}
                    Step::Fin(side) => world.wire(side).fins += 1,
                    Step::Reset(side) => world.wire(side).resets += 1,
                    Step::End(cause) => world.end(rival.unwrap_or(cause)),
                }
            }
            Happening::End(cause) => world.end(cause),
            Happening::Late => {
                let orders = world.machine.late();
                world.obey(orders);
            }
        }
        world
    }

    fn end(&mut self, cause: Cause) {
        let orders = self.machine.end(cause);
        self.parted = true;
        self.obey(orders);
    }

    fn obey(&mut self, orders: PerSide<Order>) {
        for (side, order) in orders.iter() {
            let wire = &mut self.wires[side];
            match order {
                Order::Rest => {}
                Order::Close(..) => wire.closes += 1,
                Order::CloseAndFin(..) => {
                    (wire.closes, wire.fins) = (wire.closes + 1, wire.fins + 1)
                }
                Order::Fin => wire.fins += 1,
                Order::Reset => wire.resets += 1,
            }
        }
    }

    fn check(&self, path: &dyn Fn() -> String) {
        for (side, wire) in self.wires.iter() {
            assert!(wire.closes <= 1, "{side:?} is told Close twice: {}", path());
            assert!(wire.fins <= 1, "{side:?} is told FIN twice: {}", path());
            assert!(wire.resets <= 1, "{side:?} is reset twice: {}", path());
            if self.machine.over() {
                let left = wire.resets > 0 || wire.deaf || (wire.ended && wire.fin_written);
                assert!(left, "{side:?} is left half open: {}", path());
            }
        }
    }
}

/// Every state reachable by any interleaving, with the previous state and the step that leads to it.
fn all() -> HashMap<World, Option<(World, String)>> {
    let mut seen = HashMap::from([(World::default(), None)]);
    let mut open = VecDeque::from([World::default()]);
    while let Some(world) = open.pop_front() {
        if world.machine.over() {
            continue;
        }
        for happening in world.happenings() {
            for rival in [None, Some(Cause::Shutdown), Some(Cause::ClientStalled)] {
                let next = world.after(happening, rival);
                if !seen.contains_key(&next) {
                    let step = format!("{happening:?} (rival {rival:?})");
                    seen.insert(next.clone(), Some((world.clone(), step)));
                    open.push_back(next);
                }
            }
        }
    }
    seen
}

fn way(seen: &HashMap<World, Option<(World, String)>>, to: &World) -> String {
    let (mut steps, mut at) = (Vec::new(), to);
    while let Some(Some((before, step))) = seen.get(at) {
        steps.push(step.clone());
        at = before;
    }
    steps.reverse();
    format!("{} -> {to:?}", steps.join(", "))
}

#[test]
fn in_every_interleaving_each_leg_is_told_once_and_none_is_left_half_open() {
    let seen = all();
    assert!(seen.len() > 500, "only {} states", seen.len());
    println!("{} states", seen.len());
    for world in seen.keys() {
        world.check(&|| way(&seen, world));
    }
}

/// Every state leads to the end: at once when the time is over, and without a reset if both peers behave.
#[test]
fn every_state_has_a_way_to_the_end() {
    let seen = all();
    for world in seen.keys().filter(|world| !world.machine.over()) {
        let mut late = world.clone();
        let orders = late.machine.late();
        late.obey(orders);
        late.check(&|| way(&seen, world));
        assert!(late.machine.over(), "late: {}", way(&seen, world));

        let mut polite = world.clone();
        for side in [Client, App, Client, App] {
            if polite.wire(side).resets > 0 {
                continue;
            }
            if !polite.wire(side).closed && !polite.wire(side).ended {
                polite = polite.after(Happening::On(ClosingEvent::Close(side)), None);
            }
            if !polite.wire(side).ended {
                polite = polite.after(Happening::On(ClosingEvent::Fin { side, cut: false }), None);
            }
            for to in [side, side.other()] {
                if polite.wire(to).fins > 0 && !polite.wire(to).fin_written && !polite.wire(to).deaf
                {
                    polite = polite.after(Happening::On(ClosingEvent::Finished(to)), None);
                }
            }
        }
        polite.check(&|| way(&seen, world));
        assert!(polite.machine.over(), "polite: {} then {polite:?}", way(&seen, world));
    }
}

#[test]
fn the_first_cause_wins() {
    let mut machine = Closing::default();
    let first = machine.end(Cause::ClientStalled);
    assert_eq!(first, orders(Order::Reset, Order::Close(1001, "client stalled")));
    for cause in Cause::ALL {
        assert_eq!(machine.end(cause), orders(Order::Rest, Order::Rest), "{cause:?}");
    }
}

#[test]
fn a_close_of_ours_is_answered_before_our_fin() {
    let mut machine = Closing::default();
    let close = Order::Close(1012, "proxy is restarting");
    assert_eq!(machine.end(Cause::Shutdown), orders(close, close));
    assert_eq!(machine.on(ClosingEvent::Close(Client)), Step::Fin(Client));
    assert_eq!(machine.on(ClosingEvent::Finished(Client)), Step::Rest);
    // A peer may end its side instead.
    assert_eq!(machine.on(ClosingEvent::Fin { side: App, cut: false }), Step::Fin(App));
    assert_eq!(machine.on(ClosingEvent::Finished(App)), Step::Rest);
    assert!(!machine.over());
    assert_eq!(machine.on(ClosingEvent::Fin { side: Client, cut: false }), Step::Rest);
    assert!(machine.over());
}

#[test]
fn a_close_without_an_answer_is_answered_by_us_and_its_debtor_reset() {
    let mut machine = Closing::default();
    assert_eq!(machine.on(ClosingEvent::Close(Client)), Step::Rest);
    let answer = Order::CloseAndFin(1014, "app did not answer Close");
    assert_eq!(machine.end(Cause::CloseTimeout), orders(answer, Order::Reset));

    let mut machine = Closing::default();
    assert_eq!(machine.on(ClosingEvent::Close(App)), Step::Rest);
    let answer = Order::CloseAndFin(1001, "client did not answer Close");
    assert_eq!(machine.end(Cause::CloseTimeout), orders(Order::Reset, answer));
}

#[test]
fn nothing_is_said_behind_a_close_or_a_fin() {
    let mut machine = Closing::default();
    assert_eq!(machine.on(ClosingEvent::Close(App)), Step::Rest);
    let PerSide { client, app } = machine.end(Cause::Shutdown);
    assert_eq!(client, Order::Rest, "it knows");
    assert_eq!(app, Order::CloseAndFin(1012, "proxy is restarting"));

    let mut machine = Closing::default();
    assert_eq!(machine.on(ClosingEvent::Fin { side: Client, cut: false }), Step::Fin(App));
    assert_eq!(machine.end(Cause::Operator).app, Order::Rest);
}

#[test]
fn an_app_that_goes_without_a_word_is_broken_unless_the_client_went_first() {
    let gone = |cut| ClosingEvent::Fin { side: App, cut };
    assert_eq!(Closing::default().on(gone(false)), Step::End(Cause::AppClosed));
    // Nothing can be sent after half a frame.
    assert_eq!(Closing::default().on(gone(true)), Step::Fin(Client));
    for first in [
        ClosingEvent::Close(Client),
        ClosingEvent::Fin { side: Client, cut: false },
        ClosingEvent::Close(App),
    ] {
        let mut machine = Closing::default();
        machine.on(first);
        assert_eq!(machine.on(gone(false)), Step::Fin(Client), "after {first:?}");
    }
}
