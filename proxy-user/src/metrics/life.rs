//! Apps' states, how often they were started and suspended, and why they were awake.

use std::sync::Arc;

use prometheus::core::{AtomicF64, GenericCounterVec};
use prometheus::{Opts, Registry, Result};

use super::{counter, gauge};
use crate::core::lifecycle::State;
use crate::session::{App, Totals, Why};

/// Adds the families to `registry`.
pub(super) fn collect(apps: &[Arc<App>], registry: &Registry) -> Result<()> {
    let states = gauge(
        registry,
        "ebbtide_app_state",
        "1 for the state that an app is in, 0 for the others",
        &["app", "state"],
    )?;
    let wakes = counter(registry, "ebbtide_wakes_total", "Starts of apps", &["app", "result"])?;
    let held = gauge(
        registry,
        "ebbtide_held_requests",
        "Requests that are waiting for their app to wake",
        &["app"],
    )?;
    let awake = seconds(
        registry,
        "ebbtide_app_awake_seconds_total",
        "Time that apps were awake: used within the last minute, at work, kept awake, or for nobody",
        &["app", "why"],
    )?;
    let asleep = seconds(
        registry,
        "ebbtide_app_asleep_seconds_total",
        "Time that apps were not running, by state",
        &["app", "state"],
    )?;
    for app in apps {
        let (name, totals, now) = (&*app.name, app.lives.totals(), app.state());
        for state in State::WORDS {
            states.with_label_values(&[name, state]).set(i64::from(state == now));
        }
        held.with_label_values(&[name]).set(i64::try_from(app.lobby.taken()).unwrap_or(i64::MAX));
        for (why, time) in Why::ALL.iter().zip(totals.awake) {
            awake.with_label_values(&[name, why.as_str()]).inc_by(time.as_secs_f64());
        }
        for (state, time) in Totals::ASLEEP.iter().zip(totals.asleep) {
            asleep.with_label_values(&[name, state]).inc_by(time.as_secs_f64());
        }
        for (result, count) in Totals::WAKES.iter().zip(totals.wakes) {
            wakes.with_label_values(&[name, result]).inc_by(count);
        }
    }
    Ok(())
}

fn seconds(
    registry: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
) -> Result<GenericCounterVec<AtomicF64>> {
    let counter = GenericCounterVec::new(Opts::new(name, help), labels)?;
    registry.register(Box::new(counter.clone()))?;
    Ok(counter)
}
