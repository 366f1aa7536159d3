//! Checks that the tables in `docs/liveness.md` about the end of a session match the machine.

use super::Side::{App, Client};
use super::*;

const PAGE: &str = include_str!("../../../docs/liveness.md");

/// What has happened on both legs, the next event, and the resulting step.
const LIVING: [(&[ClosingEvent], ClosingEvent, Step); 14] = [
    (&[], ClosingEvent::Close(Client), Step::Rest),
    (&[], ClosingEvent::Close(App), Step::Rest),
    (&[], fin(Client), Step::Fin(App)),
    (&[], fin(App), Step::End(Cause::AppClosed)),
    (&[], ClosingEvent::Fin { side: App, cut: true }, Step::Fin(Client)),
    (&[fin(Client)], fin(App), Step::Fin(Client)),
    (&[ClosingEvent::Close(Client)], fin(App), Step::Fin(Client)),
    (&[ClosingEvent::Close(App)], fin(App), Step::Fin(Client)),
    (&[], ClosingEvent::Broken(Client), Step::End(Cause::ClientReset)),
    (&[], ClosingEvent::Broken(App), Step::End(Cause::AppReset)),
    (&[], ClosingEvent::Deaf(Client), Step::Rest),
    (&[ClosingEvent::Deaf(Client)], fin(Client), Step::End(Cause::ClientReset)),
    (&[ClosingEvent::Deaf(App)], fin(App), Step::End(Cause::AppReset)),
    (&[fin(Client)], ClosingEvent::Deaf(Client), Step::End(Cause::ClientReset)),
];

const fn fin(side: Side) -> ClosingEvent {
    ClosingEvent::Fin { side, cut: false }
}

fn peer(side: Side) -> &'static str {
    match side {
        Client => "client",
        App => "app",
    }
}

fn event(event: ClosingEvent) -> String {
    match event {
        ClosingEvent::Close(side) => format!("Close of the {}", peer(side)),
        ClosingEvent::Fin { side, cut: false } => format!("FIN of the {}", peer(side)),
        ClosingEvent::Fin { side, cut: true } => {
            format!("FIN of the {} inside a frame", peer(side))
        }
        ClosingEvent::Broken(side) => format!("reading from the {} fails", peer(side)),
        ClosingEvent::Deaf(side) => format!("writing to the {} fails", peer(side)),
        ClosingEvent::Finished(side) => format!("the FIN to the {} is written", peer(side)),
    }
}

fn step(step: Step) -> String {
    match step {
        Step::Rest => "—".to_owned(),
        Step::Fin(side) => format!("FIN to the {}", peer(side)),
        Step::Reset(side) => format!("RST to the {}", peer(side)),
        Step::End(cause) => format!("end: {cause:?}"),
    }
}

fn order(order: Order) -> &'static str {
    match order {
        Order::Rest => "—",
        Order::Close(..) => "Close",
        Order::CloseAndFin(..) => "Close, FIN",
        Order::Fin => "FIN",
        Order::Reset => "RST",
    }
}

const SAID: [(Said, &str); 3] =
    [(Said::Nothing, "nothing"), (Said::Close, "Close"), (Said::End, "FIN or RST")];
const TOLD: [(Told, &str); 5] = [
    (Told::Nothing, "nothing"),
    (Told::Close, "Close"),
    (Told::Fin, "FIN, not written"),
    (Told::Done, "FIN"),
    (Told::Lost, "it takes nothing"),
];

fn living() -> String {
    let mut table = "| before | then | Ebbtide |\n| --- | --- | --- |\n".to_owned();
    for (before, then, follows) in LIVING {
        let before: Vec<String> = before.iter().copied().map(event).collect();
        let before = if before.is_empty() { "—".to_owned() } else { before.join(", ") };
        table += &format!("| {before} | {} | {} |\n", event(then), step(follows));
    }
    table
}

/// Orders for one leg; the other leg does not matter.
fn ending() -> String {
    let mut table =
        "| its peer has said | it was told | Close is due | FIN is due | RST is due | a Close \
                     was not answered in time |\n| --- | --- | --- | --- | --- | --- |\n"
            .to_owned();
    for (said, says) in SAID {
        for (told, tells) in TOLD {
            let leg = LegState { said, told };
            let tells_all =
                [Tell::Close(1001, ""), Tell::Fin, Tell::Reset, leg.unanswered("", 1001)];
            let orders = tells_all.map(|tell| order(LegState { said, told }.order(tell)));
            table += &format!("| {says} | {tells} | {} |\n", orders.join(" | "));
        }
    }
    table
}

/// Events on a leg after the session has ended.
fn parting() -> String {
    let mut table =
        "| it was told | its Close | its FIN | reading fails | writing fails | 5 s are over |\n\
                     | --- | --- | --- | --- | --- | --- |\n"
            .to_owned();
    for (told, tells) in TOLD {
        let leg = LegState { said: Said::Nothing, told };
        let machine = || Closing { legs: PerSide { client: leg, app: leg }, parting: true };
        let events = [
            ClosingEvent::Close(Client),
            fin(Client),
            ClosingEvent::Broken(Client),
            ClosingEvent::Deaf(Client),
        ];
        let steps = events.map(|event| match machine().on(event) {
            Step::Fin(_) => "FIN",
            Step::Reset(_) => "RST",
            Step::Rest | Step::End(_) => "—",
        });
        let late = order(machine().late().client);
        table += &format!("| {tells} | {} | {late} |\n", steps.join(" | "));
    }
    table
}

#[test]
fn living_sessions_do_what_the_table_says() {
    for (before, then, follows) in LIVING {
        let mut machine = Closing::default();
        for event in before {
            machine.on(*event);
        }
        assert_eq!(machine.on(then), follows, "{before:?}, then {then:?}");
    }
}

#[test]
fn the_page_shows_the_machine() {
    for table in [living(), ending(), parting()] {
        assert!(PAGE.contains(&table), "docs/liveness.md lacks this table:\n{table}");
    }
}
