//! `ebbtide_tcp_*`: the rows of all sockets, summed by app and leg.

use std::sync::Arc;

use prometheus::{GaugeVec, Opts, Registry, Result};

use super::{counter, gauge};
use crate::core::side::PerSide;
use crate::core::stall::Sample;
use crate::session::{self, App};

/// Sums over the open sockets of one leg of an app.
#[derive(Clone, Copy, Default)]
struct Now {
    queued: u64,
    closed_windows: u64,
    rtt_seconds: f64,
    measured: u32,
}

impl Now {
    fn add(&mut self, sample: &Sample) {
        self.queued += sample.queued;
        self.closed_windows += u64::from(sample.window == 0);
        if sample.rtt_us > 0 {
            self.rtt_seconds += f64::from(sample.rtt_us) / 1e6;
            self.measured += 1;
        }
    }
}

/// Adds the families to `registry`.
pub(super) fn collect(
    sessions: &session::Registry,
    apps: &[Arc<App>],
    registry: &Registry,
) -> Result<()> {
    let labels = ["app", "leg"];
    let acked = counter(
        registry,
        "ebbtide_tcp_acked_bytes_total",
        "Bytes that the peers acknowledged",
        &labels,
    )?;
    let received = counter(
        registry,
        "ebbtide_tcp_received_bytes_total",
        "Bytes received from the peers",
        &labels,
    )?;
    let retransmits =
        counter(registry, "ebbtide_tcp_retransmits_total", "Segments sent again", &labels)?;
    let queued = gauge(
        registry,
        "ebbtide_tcp_queued_bytes",
        "Bytes accepted for sending and not acknowledged",
        &labels,
    )?;
    let closed = gauge(
        registry,
        "ebbtide_tcp_zero_window",
        "Sockets whose peer has closed its window",
        &labels,
    )?;
    let rtt = GaugeVec::new(
        Opts::new("ebbtide_tcp_rtt_seconds", "Mean smoothed round-trip time of the open sockets"),
        &labels,
    )?;
    registry.register(Box::new(rtt.clone()))?;

    let mut open = vec![PerSide::<Now>::default(); apps.len()];
    sessions.each_by_app(apps, |app, session| {
        session.settle();
        for (side, leg) in session.legs.iter() {
            open[app][side].add(&leg.socket.sample());
        }
    });
    for (app, now) in apps.iter().zip(open) {
        for (side, now) in now.iter() {
            let labels = [&*app.name, side.as_str()];
            let (acked_bytes, received_bytes, sent_again) = app.tcp[side].read();
            acked.with_label_values(&labels).inc_by(acked_bytes);
            received.with_label_values(&labels).inc_by(received_bytes);
            retransmits.with_label_values(&labels).inc_by(sent_again);
            queued.with_label_values(&labels).set(i64::try_from(now.queued).unwrap_or(i64::MAX));
            let windows = i64::try_from(now.closed_windows).unwrap_or(i64::MAX);
            closed.with_label_values(&labels).set(windows);
            if now.measured > 0 {
                rtt.with_label_values(&labels).set(now.rtt_seconds / f64::from(now.measured));
            }
        }
    }
    Ok(())
}
