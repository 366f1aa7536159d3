//! Once a second: which apps with `on_idle = "shadow"` would be suspended now?
//!
//! It only reports this, in the log and as an event. `core::shadow` decides.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::MissedTickBehavior;

use crate::clock;
use crate::core::shadow::{Comparison, Due, Sight};
use crate::core::time::Nanos;
use crate::events::EventKind;
use crate::serving::Serving;
use crate::session::App;

/// Time between two checks.
const PERIOD: Duration = Duration::from_secs(1);

/// Checks until the task is dropped.
pub async fn run(serving: Arc<Serving>) {
    let mut ticks = tokio::time::interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let now = clock::now();
        for app in serving.apps().iter() {
            app.tick_work(now);
            look(app, now);
        }
    }
}

fn look(app: &App, now: Nanos) {
    let sight = app.sight(now);
    // The lock is released before anything is reported.
    if let Some(Some(comparison)) = app.account.shadow(|shadow| shadow.look(now, &sight)) {
        tell(app, now, &sight, comparison);
    }
}

fn tell(app: &App, now: Nanos, sight: &Sight, comparison: Comparison) {
    tracing::info!(
        app = app.name,
        at = time(comparison.counted),
        idle_since = time(sight.counted),
        opcode_only = words(comparison.opcode_only),
        presence = words(comparison.presence),
        "would have been suspended"
    );
    app.tell(now, || EventKind::ShadowSuspend { idle_since: sight.counted, comparison });
}

/// The result of another way of counting, in words.
fn words(due: Due) -> String {
    match due {
        Due::At(at) => format!("not before {}", time(at)),
        Due::Never(1) => "not while 1 session is open".to_owned(),
        Due::Never(open) => format!("not while {open} sessions are open"),
    }
}

/// A time in the log's format.
fn time(at: Nanos) -> String {
    humantime::format_rfc3339_millis(clock::wall(at)).to_string()
}
