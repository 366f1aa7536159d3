//! Prometheus metrics: counters that are updated as things happen, and (in `scrape`) values that are read
//! from the sessions at each scrape.
//!
//! Labels are bounded: an app's name, a fixed word, or a status code.

mod idle;
mod life;
mod losses;
mod scrape;
mod tcp;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use prometheus::core::{Collector, MetricVec, MetricVecBuilder};
use prometheus::proto::MetricFamily;
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry, Result};

pub use self::scrape::render;
use crate::core::ending::{Cause, Reap};
use crate::session::App;

/// Upper bounds in seconds for how long an app takes to answer.
const ANSWER: [f64; 9] = [0.001, 0.005, 0.025, 0.1, 0.5, 1.0, 5.0, 30.0, 120.0];
/// Upper bounds in seconds for one sweep.
const SWEEP: [f64; 8] = [1e-5, 1e-4, 5e-4, 1e-3, 5e-3, 1e-2, 5e-2, 0.5];

/// Upper bounds in seconds for how long a peer takes to answer a ping.
const PONG: [f64; 10] = [5e-4, 2e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 0.25, 1.0, 5.0, 30.0];

/// Upper bounds in seconds for how long an app takes to start.
const WAKE: [f64; 10] = [0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];

/// The result of a report, a notification or a reload.
const ACCEPTED: &str = "success";
const FAILED: &str = "failure";
/// The result of a notification for which there was no room.
const DROPPED: &str = "dropped";

/// The metrics that are updated as things happen.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    request_seconds: HistogramVec,
    reports: IntCounterVec,
    notifications: IntCounterVec,
    refused: IntCounterVec,
    reaped: IntCounterVec,
    sweep_seconds: HistogramVec,
    ping_rtt: HistogramVec,
    wake_seconds: HistogramVec,
    reloads: IntCounterVec,
}

impl Metrics {
    /// Metrics at zero.
    ///
    /// # Errors
    /// Never in practice: names and labels are constants.
    pub fn new() -> Result<Metrics> {
        let registry = Registry::new();
        let histogram = |name: &str, help: &str, labels: &[&str], bounds: &[f64]| {
            let options = HistogramOpts::new(name, help).buckets(bounds.to_vec());
            let histogram = HistogramVec::new(options, labels)?;
            registry.register(Box::new(histogram.clone()))?;
            Result::Ok(histogram)
        };
        let reports = counter(
            &registry,
            "ebbtide_reports_total",
            "Activity reports to the control plane",
            &["result"],
        )?;
        let notifications = counter(
            &registry,
            "ebbtide_notifications_total",
            "Notifications to control planes; failure: it will be sent again; dropped: it will not",
            &["result"],
        )?;
        let reloads = counter(
            &registry,
            "ebbtide_config_reloads_total",
            "Configuration reloads; failure: the previous configuration stayed in force",
            &["result"],
        )?;
        for result in [ACCEPTED, FAILED] {
            reports.with_label_values(&[result]);
            notifications.with_label_values(&[result]);
            reloads.with_label_values(&[result]);
        }
        notifications.with_label_values(&[DROPPED]);
        Ok(Metrics {
            reports,
            notifications,
            reloads,
            requests: counter(
                &registry,
                "ebbtide_http_requests_total",
                "HTTP requests answered, by app (empty where there is none) and status code",
                &["app", "code"],
            )?,
            request_seconds: histogram(
                "ebbtide_http_request_seconds",
                "Time from a request's head to its response's head",
                &["app"],
                &ANSWER,
            )?,
            refused: counter(
                &registry,
                "ebbtide_refused_total",
                "Requests that were not let in, by the reason in X-Ebbtide-Reason",
                &["app", "reason"],
            )?,
            reaped: counter(
                &registry,
                "ebbtide_reaped_total",
                "Sessions that were ended because one leg's peer was gone",
                &["app", "leg", "reason"],
            )?,
            sweep_seconds: histogram(
                "ebbtide_sweep_seconds",
                "Time that one sweep over all sessions took",
                &[],
                &SWEEP,
            )?,
            ping_rtt: histogram(
                "ebbtide_ping_rtt_seconds",
                "Time from a ping that Ebbtide sent to its pong",
                &[],
                &PONG,
            )?,
            wake_seconds: histogram(
                "ebbtide_wake_seconds",
                "Time from an app's start until it accepts a connection, or answers ready_path",
                &[],
                &WAKE,
            )?,
            registry,
        })
    }

    /// Creates the `reaped` series of these apps at zero, so that the first event is seen as an increase, and
    /// removes the series of all other apps.
    fn follow(&self, apps: &[Arc<App>]) {
        for reap in Cause::ALL.into_iter().filter_map(Cause::reap) {
            for app in apps {
                self.reaped.with_label_values(&[&*app.name, reap.leg.as_str(), reap.reason]);
            }
        }
        // Requests for no app have an empty label.
        let kept = apps.iter().map(|app| &*app.name).chain([""]).collect();
        retain(&self.requests, &kept);
        retain(&self.request_seconds, &kept);
        retain(&self.refused, &kept);
        retain(&self.reaped, &kept);
    }

    /// A request was answered.
    pub fn request(&self, app: &str, code: StatusCode, took: Duration) {
        self.requests.with_label_values(&[app, code.as_str()]).inc();
        self.request_seconds.with_label_values(&[app]).observe(took.as_secs_f64());
    }

    /// A refusal before there was a request, so it has no app and no duration.
    pub fn refusal(&self, code: StatusCode) {
        self.requests.with_label_values(&["", code.as_str()]).inc();
    }

    /// A request was refused, for this reason.
    pub fn refused(&self, app: &str, reason: &str) {
        self.refused.with_label_values(&[app, reason]).inc();
    }

    /// A report was accepted or not.
    pub fn report(&self, accepted: bool) {
        let result = if accepted { ACCEPTED } else { FAILED };
        self.reports.with_label_values(&[result]).inc();
    }

    /// A notification was accepted or not.
    pub fn notification(&self, accepted: bool) {
        let result = if accepted { ACCEPTED } else { FAILED };
        self.notifications.with_label_values(&[result]).inc();
    }

    /// `count` notifications will not be sent.
    pub fn notifications_dropped(&self, count: u64) {
        self.notifications.with_label_values(&[DROPPED]).inc_by(count);
    }

    /// The configuration was read again, and is in force (`accepted`) or was refused.
    pub fn reload(&self, accepted: bool) {
        let result = if accepted { ACCEPTED } else { FAILED };
        self.reloads.with_label_values(&[result]).inc();
    }

    /// A session was reaped.
    pub fn reap(&self, app: &str, reap: Reap) {
        self.reaped.with_label_values(&[app, reap.leg.as_str(), reap.reason]).inc();
    }

    /// A ping of ours was answered.
    pub fn pong(&self, took: Duration) {
        let labels: [&str; 0] = [];
        self.ping_rtt.with_label_values(&labels).observe(took.as_secs_f64());
    }

    /// An app has been started.
    pub fn wake(&self, took: Duration) {
        let labels: [&str; 0] = [];
        self.wake_seconds.with_label_values(&labels).observe(took.as_secs_f64());
    }

    /// A sweep is done.
    pub fn sweep(&self, took: Duration) {
        let labels: [&str; 0] = [];
        self.sweep_seconds.with_label_values(&labels).observe(took.as_secs_f64());
    }
}

/// Drops the metrics whose label `app` is not one of these.
fn retain<T: MetricVecBuilder>(family: &MetricVec<T>, apps: &HashSet<&str>) {
    for shown in family.collect().iter().flat_map(MetricFamily::get_metric) {
        let labels = shown.get_label().iter().map(|label| (label.name(), label.value()));
        let labels: HashMap<_, _> = labels.collect();
        if labels.get("app").is_some_and(|app| !apps.contains(app)) {
            // An error means that another scrape has just removed it.
            let _ = family.remove(&labels);
        }
    }
}

/// A new family of counters in `registry`.
fn counter(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> Result<IntCounterVec> {
    let counter = IntCounterVec::new(Opts::new(name, help), labels)?;
    registry.register(Box::new(counter.clone()))?;
    Ok(counter)
}

/// A new family of gauges in `registry`.
fn gauge(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> Result<IntGaugeVec> {
    let gauge = IntGaugeVec::new(Opts::new(name, help), labels)?;
    registry.register(Box::new(gauge.clone()))?;
    Ok(gauge)
}
