//! Once a second, the sweep looks at the rows of all sessions: it pings silent ones, and ends those with a
//! dead leg.
//!
//! The judging is in `sweep` and `pulse`. No socket is touched here: the pump does that.

mod pulse;
mod sweep;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::MissedTickBehavior;

pub use self::sweep::{SweepParams, sweep};
use crate::clock;
use crate::config::{Config, Keepalive};
use crate::core::ending::Cause;
use crate::core::keepalive::Round;
use crate::core::time::Nanos;
use crate::metrics::Metrics;
use crate::serving::Serving;
use crate::session::{Session, Watches};
use crate::sockets::Sockets;

/// Time between two sweeps.
const PERIOD: Duration = Duration::from_secs(1);
/// How much early a verdict may be: a sweep that comes a little early must not delay it by a whole period.
const EARLY: Duration = Duration::from_millis(50);

/// Sweeps until the task is dropped.
pub async fn run(serving: Arc<Serving>, sockets: Sockets, metrics: Arc<Metrics>) {
    let mut ticks = tokio::time::interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut before = clock::now();
    loop {
        ticks.tick().await;
        clock::notice_sleep();
        let start = clock::now();
        let params = params(&serving.config(), before, start);
        before = start;
        let rtt = |took| metrics.pong(took);
        sweep(&sockets, &serving.registry, params, rtt, |session, watches, cause| {
            reap(session, watches, cause, start);
        });
        metrics.sweep(clock::elapsed(start));
    }
}

/// The parameters of the sweep at `now`, after one at `before`.
fn params(config: &Config, before: Nanos, now: Nanos) -> SweepParams {
    let Keepalive { interval, timeout } = config.keepalive;
    let timeout = timeout.map(|timeout| timeout.saturating_sub(EARLY));
    let round = |interval| Round::new(interval, timeout, PERIOD, (before, now));
    let grace = config.stall.grace.saturating_sub(EARLY);
    SweepParams { now, grace, keepalive: interval.map(round) }
}

fn reap(session: &Session, watches: &Watches, cause: Cause, now: Nanos) {
    let Some(reap) = cause.reap() else {
        session.end(cause);
        return;
    };
    let (leg, watch) = (&session.legs[reap.leg], &watches.legs[reap.leg]);
    // Sampled before the session ends, because its pump will release the row.
    let sample = leg.socket.confirm(now).unwrap_or_else(|_| leg.socket.sample());
    if !session.end(cause) {
        return;
    }
    // Everything is acknowledged, and still the peer is unreachable: only the pong is missing.
    let silent = reap.reason == "unreachable" && sample.queued == 0;
    let why = if silent { "no pong" } else { sample.cause() };
    let app = &*session.app.name;
    tracing::info!(
        app,
        session = session.id,
        leg = reap.leg.as_str(),
        reason = reap.reason,
        cause = why,
        peer = %leg.peer,
        state = sample.state.as_str(),
        queued_bytes = sample.queued,
        send_window = sample.window,
        timeouts = sample.timeouts,
        waited_seconds = watch.waiting_since().map(|since| now.since(since).as_secs_f64()),
        "reaped"
    );
}
