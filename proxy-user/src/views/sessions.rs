//! `/api/sessions`: what is known about each session's two sockets.
//!
//! `ebbtide observe` shows the sockets that it watches in the same form: as sessions that only have a client
//! leg.

use serde::{Deserialize, Serialize};

use super::{ago, time};
use crate::clock;
use crate::core::stall::{Sample, Watch};
use crate::core::time::Nanos;
use crate::session::{Leg, Registry, WatchedSession};
use crate::sockets::Source;

/// One session.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SessionView {
    pub(crate) id: u64,
    pub(crate) app: String,
    /// The path of its handshake, without the query, cut.
    pub(crate) path: String,
    pub(crate) age_seconds: f64,
    /// The newest frame or message that counted; `None` = at most its handshake did.
    pub(crate) last_activity: Option<SessionActivity>,
    pub(crate) legs: LegsView,
}

/// What last counted.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SessionActivity {
    pub(crate) at: String,
    pub(crate) ago_seconds: f64,
    /// `input` or `output`.
    pub(crate) reason: String,
}

/// Its two legs.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct LegsView {
    pub(crate) client: LegView,
    pub(crate) app: LegView,
}

/// One of its sockets.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct LegView {
    /// The other end's address, if known.
    pub(crate) peer: Option<String>,
    pub(crate) source: String,
    pub(crate) state: String,
    pub(crate) queued_bytes: u64,
    pub(crate) acked_bytes: u64,
    pub(crate) received_bytes: u64,
    pub(crate) since_progress_seconds: Option<f64>,
    pub(crate) waiting: Option<WaitingView>,
    pub(crate) send_window_bytes: Option<u32>,
    pub(crate) rtt_seconds: Option<f64>,
    pub(crate) retransmits: u32,
    /// Absent for `observe`, which is not in the path and sees no frames.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) frames: Option<FramesView>,
}

/// Something is queued, or the peer has closed its side, and nothing moves.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct WaitingView {
    pub(crate) seconds: f64,
    pub(crate) cause: String,
}

/// Frames that came from the leg's peer.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct FramesView {
    pub(crate) data: u64,
    pub(crate) control: u64,
}

/// The live sessions of `app`, or of all apps.
pub(crate) fn sessions(registry: &Registry, app: Option<&str>) -> Vec<SessionView> {
    let now = clock::now();
    let mut views = Vec::new();
    registry.each(|watched| {
        if app.is_none_or(|app| *app == *watched.session.app.name) {
            views.push(SessionView::of(&watched, now));
        }
    });
    views
}

impl SessionView {
    fn of(watched: &WatchedSession<'_>, now: Nanos) -> SessionView {
        let session = watched.session;
        let leg = |leg: &Leg, watch: &Watch| {
            let frames = leg.frames.read();
            LegView {
                peer: Some(leg.peer.to_string()),
                frames: Some(FramesView { data: frames.data, control: frames.control }),
                ..LegView::of(leg.socket.source(), &leg.socket.sample(), watch, now)
            }
        };
        SessionView {
            id: session.id,
            app: session.app.name.to_string(),
            path: session.path.as_str().to_owned(),
            last_activity: session.last_activity().map(|activity| SessionActivity {
                at: time(activity.at),
                ago_seconds: ago(activity.at),
                reason: activity.reason.as_str().to_owned(),
            }),
            age_seconds: now.since(session.opened).as_secs_f64(),
            legs: LegsView {
                client: leg(&session.legs.client, &watched.watches.legs.client),
                app: leg(&session.legs.app, &watched.watches.legs.app),
            },
        }
    }
}

impl LegView {
    /// A leg from a sample of its socket and the sweep's state; without peer and frames.
    pub(crate) fn of(source: Source, sample: &Sample, watch: &Watch, now: Nanos) -> LegView {
        LegView {
            peer: None,
            source: source.to_string(),
            state: sample.state.as_str().to_owned(),
            queued_bytes: sample.queued,
            acked_bytes: sample.acked,
            received_bytes: sample.received,
            since_progress_seconds: (sample.progress.0 != 0)
                .then(|| now.since(sample.progress).as_secs_f64()),
            waiting: watch.waiting_since().map(|since| WaitingView {
                seconds: now.since(since).as_secs_f64(),
                cause: sample.cause().to_owned(),
            }),
            // The kernel has no value that means "unknown"; see `Row::snd_wnd`.
            send_window_bytes: (sample.window != u32::MAX).then_some(sample.window),
            rtt_seconds: (sample.rtt_us != 0).then(|| f64::from(sample.rtt_us) / 1e6),
            retransmits: sample.retransmits,
            frames: None,
        }
    }
}
