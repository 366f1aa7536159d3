//! `/api/sessions`: what is known of each session's two sockets, and the end of one.

use serde::Serialize;

use crate::clock;
use crate::core::ending::Cause;
use crate::core::stall::Watch;
use crate::core::time::Nanos;
use crate::session::{Leg, Registry, Watched};

/// One session.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    id: u64,
    app: String,
    age_seconds: f64,
    legs: Legs,
}

#[derive(Debug, Serialize)]
struct Legs {
    client: LegRow,
    app: LegRow,
}

#[derive(Debug, Serialize)]
struct LegRow {
    peer: String,
    source: String,
    state: &'static str,
    queued_bytes: u64,
    acked_bytes: u64,
    received_bytes: u64,
    since_progress_seconds: Option<f64>,
    waiting: Option<Waiting>,
    send_window_bytes: Option<u32>,
    rtt_seconds: Option<f64>,
    retransmits: u32,
    frames: Frames,
}

/// Something is queued, or the peer has closed its side, and nothing moves.
#[derive(Debug, Serialize)]
struct Waiting {
    seconds: f64,
    cause: &'static str,
}

/// Frames that came from the leg's peer.
#[derive(Debug, Serialize)]
struct Frames {
    data: u64,
    control: u64,
}

/// The live sessions of `app`, or of all.
pub(super) fn list(registry: &Registry, app: Option<&str>) -> Vec<Row> {
    let now = clock::now();
    let mut rows = Vec::new();
    registry.each(|watched| {
        let session = watched.session;
        if app.is_none_or(|app| *app == *session.app.name) {
            rows.push(row(&watched, now));
        }
    });
    rows
}

/// Ends a session as an operator's wish; false if none with this id lives, or another cause came first.
pub(super) fn end(registry: &Registry, id: u64) -> bool {
    let Some(session) = registry.find(id) else { return false };
    let ends = session.end(Cause::Operator);
    if ends {
        tracing::info!(app = session.app.name, session = id, "ended by an operator");
    }
    ends
}

fn row(watched: &Watched<'_>, now: Nanos) -> Row {
    let session = watched.session;
    Row {
        id: session.id,
        app: session.app.name.to_string(),
        age_seconds: now.since(session.opened).as_secs_f64(),
        legs: Legs {
            client: leg(&session.legs.client, &watched.watches.legs.client, now),
            app: leg(&session.legs.app, &watched.watches.legs.app, now),
        },
    }
}

fn leg(leg: &Leg, watch: &Watch, now: Nanos) -> LegRow {
    let sample = leg.socket.sample();
    let frames = leg.frames.read();
    LegRow {
        peer: leg.peer.to_string(),
        source: leg.socket.source().to_string(),
        state: sample.state.as_str(),
        queued_bytes: sample.queued,
        acked_bytes: sample.acked,
        received_bytes: sample.received,
        since_progress_seconds: (sample.progress.0 != 0)
            .then(|| now.since(sample.progress).as_secs_f64()),
        waiting: watch.waiting_since().map(|since| Waiting {
            seconds: now.since(since).as_secs_f64(),
            cause: sample.cause(),
        }),
        // The kernel has no value that means "unknown"; see `Row::snd_wnd`.
        send_window_bytes: (sample.window != u32::MAX).then_some(sample.window),
        rtt_seconds: (sample.rtt_us != 0).then(|| f64::from(sample.rtt_us) / 1e6),
        retransmits: sample.retransmits,
        frames: Frames { data: frames.data, control: frames.control },
    }
}
