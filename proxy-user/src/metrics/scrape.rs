//! `/metrics`: the counters, and the values that are read from apps and sessions at each scrape, so that
//! frames update no metric.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::UNIX_EPOCH;

use prometheus::{GaugeVec, Opts, Registry, Result, TextEncoder};

use super::{Metrics, counter, gauge, idle, life, losses, tcp};
use crate::clock;
use crate::core::lifecycle::State;
use crate::serving::Serving;
use crate::session::App;
use crate::sockets::Sockets;

/// The whole exposition in Prometheus' text format.
///
/// # Errors
/// Never in practice: names and labels are constants.
pub fn render(metrics: &Metrics, serving: &Serving, sockets: &Sockets) -> Result<String> {
    let apps = serving.all_apps();
    metrics.follow(&apps);
    let mut families = metrics.registry.gather();
    families.extend(gather(&apps, serving, sockets)?.gather());
    families.sort_by(|one, other| one.name().cmp(other.name()));
    TextEncoder::new().encode_to_string(&families)
}

/// A registry that lives for one answer.
fn gather(apps: &[Arc<App>], serving: &Serving, sockets: &Sockets) -> Result<Registry> {
    let registry = Registry::new();
    gauge(&registry, "ebbtide_build_info", "Always 1; the version is in the label", &["version"])?
        .with_label_values(&[env!("CARGO_PKG_VERSION")])
        .set(1);
    gauge(
        &registry,
        "ebbtide_socket_source",
        "Always 1; the source of the socket table is in the label",
        &["source"],
    )?
    .with_label_values(&[sockets.source().to_string()])
    .set(1);
    let states = gauge(
        &registry,
        "ebbtide_apps",
        "Apps by state; failed: the latest request found that the app accepts no connections",
        &["state"],
    )?;
    for state in State::WORDS {
        states.with_label_values(&[state]).set(0);
    }
    for app in serving.apps() {
        states.with_label_values(&[app.state()]).inc();
    }

    let sessions = gauge(&registry, "ebbtide_sessions", "Sessions that are open", &["app"])?;
    let opened = counter(&registry, "ebbtide_sessions_total", "Sessions opened", &["app"])?;
    let frames = counter(
        &registry,
        "ebbtide_frames_total",
        "Frames, from the client (input) or from the app (output)",
        &["app", "direction", "kind"],
    )?;
    let bytes = counter(
        &registry,
        "ebbtide_frame_bytes_total",
        "Payload bytes of frames, counted when their header is seen",
        &["app", "direction"],
    )?;
    let pings = counter(
        &registry,
        "ebbtide_pings_total",
        "Pings that Ebbtide sent to silent peers; not included in other counts",
        &["app", "leg"],
    )?;
    let activity = counter(
        &registry,
        "ebbtide_activity_total",
        "Data frames, requests and upgrades that counted as activity",
        &["app", "reason"],
    )?;
    let newest = GaugeVec::new(
        Opts::new("ebbtide_activity_timestamp_seconds", "Unix time of the latest activity"),
        &["app"],
    )?;
    registry.register(Box::new(newest.clone()))?;

    let counts = serving.registry.counts(apps);
    for (app, counts) in apps.iter().zip(&counts) {
        let name = &*app.name;
        let live = i64::try_from(app.live.load(Relaxed)).unwrap_or(i64::MAX);
        sessions.with_label_values(&[name]).set(live);
        opened.with_label_values(&[name]).inc_by(app.opened.load(Relaxed));
        for (side, counts) in counts.iter() {
            let direction = side.direction().as_str();
            frames.with_label_values(&[name, direction, "data"]).inc_by(counts.data);
            frames.with_label_values(&[name, direction, "control"]).inc_by(counts.control);
            frames.with_label_values(&[name, direction, "heartbeat"]).inc_by(counts.heartbeat);
            bytes.with_label_values(&[name, direction]).inc_by(counts.bytes);
            pings.with_label_values(&[name, side.as_str()]).inc_by(counts.pings);
        }
        for (reason, count) in app.activity(counts) {
            activity.with_label_values(&[name, reason.as_str()]).inc_by(count);
        }
        if let Some(last) = app.gate.newest() {
            let at = clock::wall(last.at).duration_since(UNIX_EPOCH).unwrap_or_default();
            newest.with_label_values(&[name]).set(at.as_secs_f64());
        }
    }
    idle::collect(apps, &counts, &registry)?;
    life::collect(apps, &registry)?;
    losses::collect(apps, &registry)?;
    tcp::collect(&serving.registry, apps, &registry)?;
    Ok(registry)
}
