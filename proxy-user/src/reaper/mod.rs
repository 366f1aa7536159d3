//! The sweep: once a second it looks at the rows of all sessions and ends those with a dead leg.
//!
//! It decides nothing by itself (`core::stall` does) and touches no socket (the pump does). With
//! kernel rows it makes no system call, however many sessions there are.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::MissedTickBehavior;

use crate::clock;
use crate::core::ending::Cause;
use crate::core::stall::{Sample, Verdict, Watch};
use crate::core::time::Nanos;
use crate::events::Told;
use crate::proxy::Proxy;
use crate::session::{Leg, Watched};

/// Time between two sweeps.
const PERIOD: Duration = Duration::from_secs(1);
/// How much sooner than the grace period a verdict may fall: a sweep that comes a hair early must not
/// cost the whole period until the next.
const EARLY: Duration = Duration::from_millis(50);
/// How long both sides may leave their connections open after a Close went by and everything was
/// taken (RFC 6455 section 7.1.1).
const CLOSING: Duration = Duration::from_secs(10);

/// Sweeps until the task is dropped.
pub async fn run(proxy: Arc<Proxy>) {
    let mut ticks = tokio::time::interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let start = clock::now();
        sweep(&proxy, start);
        proxy.metrics.sweep(clock::elapsed(start));
    }
}

fn sweep(proxy: &Proxy, now: Nanos) {
    proxy.sockets.refresh(now);
    let grace = proxy.served().config.stall.grace.saturating_sub(EARLY);
    proxy.registry.sweep(|watched| {
        let Watched { session, client, upstream, closing } = watched;
        let (near, far) = (session.client.socket.sample(), session.upstream.socket.sample());
        let cause = match judge(&session.client, client, &near, far.queued > 0, now, grace) {
            Verdict::Fine => {
                match judge(&session.upstream, upstream, &far, near.queued > 0, now, grace) {
                    Verdict::Fine => {
                        let quiet = session.closing() && near.queued == 0 && far.queued == 0;
                        *closing = quiet.then_some(closing.unwrap_or(now));
                        if !closing.is_some_and(|since| now.since(since) >= CLOSING) {
                            return;
                        }
                        Cause::CloseTimeout
                    }
                    Verdict::Stalled => Cause::AppStalled,
                    Verdict::Unreachable => Cause::AppUnreachable,
                    Verdict::PeerClosed => Cause::AppGone,
                }
            }
            Verdict::Stalled => Cause::ClientStalled,
            Verdict::Unreachable => Cause::ClientUnreachable,
            Verdict::PeerClosed => Cause::ClientGone,
        };
        reap(proxy, watched, cause, now);
    });
}

fn judge(
    leg: &Leg,
    watch: &mut Watch,
    sample: &Sample,
    passing: bool,
    now: Nanos,
    grace: Duration,
) -> Verdict {
    match watch.look(sample, passing, now, grace) {
        Verdict::Fine if !watch.take_doubt() => Verdict::Fine,
        // A row can miss progress: an ack that gave no round-trip time has no callback. The socket
        // itself is asked once when its row stands still, so that the wait is counted from the right
        // moment, and again before anybody loses a seat.
        _ => match leg.socket.confirm(now) {
            Ok(asked) => watch.look(&asked, passing, now, grace),
            // Given back by its pump: the session has just ended.
            Err(error) if error.kind() == ErrorKind::NotConnected => Verdict::Fine,
            Err(_) => Verdict::PeerClosed,
        },
    }
}

fn reap(proxy: &Proxy, watched: &Watched, cause: Cause, now: Nanos) {
    let session = &watched.session;
    let Some(reap) = cause.reap() else {
        session.end(cause);
        return;
    };
    let (leg, watch) = match reap.leg {
        "client" => (&session.client, &watched.client),
        _ => (&session.upstream, &watched.upstream),
    };
    // Asked before the session ends: its pump gives the row back.
    let sample = leg.socket.confirm(now).unwrap_or_else(|_| leg.socket.sample());
    if !session.end(cause) {
        return;
    }
    let app = &*session.app.name;
    proxy.metrics.reap(app, reap);
    proxy.events.tell(|| Told::reap(app, now, session.id, reap));
    tracing::info!(
        app,
        session = session.id,
        leg = reap.leg,
        reason = reap.reason,
        cause = sample.cause(),
        peer = %leg.peer,
        state = sample.state.as_str(),
        queued_bytes = sample.queued,
        send_window = sample.window,
        timeouts = sample.timeouts,
        waited_seconds = watch.waiting_since().map(|since| now.since(since).as_secs_f64()),
        "reaped"
    );
}
