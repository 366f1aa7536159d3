//! Checks that the table in `docs/lifecycle.md` matches the machine.

use super::*;

const PAGE: &str = include_str!("../../../../docs/lifecycle.md");

const NOW: Nanos = Nanos(1_000_000_000_000);
/// The number of the attempt in progress.
const ATTEMPT: u32 = 7;

/// Each state, with the title of its column.
fn states() -> [(&'static str, State); 8] {
    let closing = Step::Closing { asked: false };
    let stopping = Step::Stopping { ran: true, wanted: false };
    [
        ("running", State::Running),
        ("suspending: checked", State::Suspending(Step::Probing { asked: false })),
        ("suspending: sessions told", State::Suspending(closing)),
        ("suspending: driver told", State::Suspending(stopping)),
        ("suspended", State::Suspended),
        ("starting", State::Starting),
        ("failed", State::Failed { until: NOW, tried: NOW }),
        ("disabled", State::Disabled),
    ]
}

/// Each event, with the title of its row and whether the app has been idle for long enough.
fn events() -> Vec<(&'static str, LifecycleEvent, bool)> {
    let failure = Failure::new("it broke");
    vec![
        ("a second passes; it is used", LifecycleEvent::Tick, false),
        ("a second passes; it has been idle for `idle_after`", LifecycleEvent::Tick, true),
        ("a request or handshake wants it", LifecycleEvent::Wanted { person: false }, false),
        ("an operator: wake", LifecycleEvent::Wake, false),
        ("an operator: suspend", LifecycleEvent::Suspend, false),
        ("it says that it is at work", LifecycleEvent::Busy(ATTEMPT), true),
        ("it says that it is not", LifecycleEvent::Idle(ATTEMPT), true),
        ("its sessions have been told", LifecycleEvent::Closed(ATTEMPT), true),
        ("it is down", LifecycleEvent::Stopped(ATTEMPT), true),
        ("it cannot be stopped", LifecycleEvent::StopFailed(ATTEMPT), true),
        ("it answers", LifecycleEvent::Ready(ATTEMPT), false),
        ("it cannot start", LifecycleEvent::StartFailed(ATTEMPT, failure.clone()), false),
        ("it ends by itself; it is used", LifecycleEvent::Exited(failure.clone()), false),
        ("it ends by itself; it has been idle", LifecycleEvent::Exited(failure), true),
        ("seen running", LifecycleEvent::Observed(Observed::Running), false),
        ("seen starting", LifecycleEvent::Observed(Observed::Starting), false),
        ("seen suspended", LifecycleEvent::Observed(Observed::Suspended), false),
        ("seen disabled", LifecycleEvent::Observed(Observed::Disabled), false),
        ("its driver is replaced; it is used", LifecycleEvent::Replaced, false),
        ("its driver is replaced; it has been idle", LifecycleEvent::Replaced, true),
    ]
}

fn cell(state: State, event: LifecycleEvent, idle: bool) -> String {
    let mut machine = Lifecycle::new(state, NOW);
    machine.attempt = ATTEMPT;
    let activity = Nanos(if idle { 0 } else { NOW.0 });
    machine.floor = activity;
    let facts = Facts {
        idle_after: Some(Duration::from_secs(60)),
        busy_limit: Duration::from_secs(3600),
        activity: Some(activity),
        ..Facts::default()
    };
    let command = machine.on(event, &facts, NOW);
    let command = command.map(|command| match command {
        Command::Start(_) => "start it",
        Command::Await(_) => "wait for it",
        Command::Probe(_) => "check it",
        Command::Close(_) => "tell its sessions",
        Command::Stop(_) => "stop it",
    });
    let entered = match machine.state() {
        same if same == state => None,
        State::Suspending(Step::Stopping { wanted: true, .. }) => Some("start it when it is down"),
        State::Suspending(_) => None,
        other => Some(other.as_str()),
    };
    let parts: Vec<_> = entered.into_iter().chain(command).collect();
    if parts.is_empty() { "—".to_owned() } else { parts.join(", ") }
}

fn table() -> String {
    let heads = states().map(|(head, _)| head).join(" | ");
    let mut table = format!("| | {heads} |\n|{}\n", " --- |".repeat(1 + states().len()));
    for (head, event, idle) in events() {
        let cells = states().map(|(_, state)| cell(state, event.clone(), idle));
        table += &format!("| {head} | {} |\n", cells.join(" | "));
    }
    table
}

#[test]
fn the_page_shows_the_machine() {
    let table = table();
    assert!(PAGE.contains(&table), "docs/lifecycle.md lacks this table:\n{table}");
}
