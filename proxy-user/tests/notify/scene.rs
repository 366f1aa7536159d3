//! Apps that fail those who use them, so that there is something to tell.

use serde_json::Value;

use crate::harness::app::App;
use crate::harness::control::{Control, Report};
use crate::harness::proxy::Proxy;
use crate::harness::session::open;
use crate::harness::wait::eventually;

/// `[[notify]]` for losses only: sessions that an app resets are reaped too.
pub(crate) const LOSSES: &str = "events = [\"loss\"]";

/// The app resets so many sessions, one after the other.
pub(crate) fn lose(proxy: &Proxy, app: &App, count: usize) {
    for _ in 0..count {
        let (mut client, server) = open(proxy, app);
        server.wire.reset();
        client.expect_close(1014);
    }
}

/// What a control plane has accepted.
pub(crate) fn accepted(control: &Control) -> Vec<Report> {
    let taken = |report: &Report| (200..300).contains(&report.answered);
    control.reports().into_iter().filter(taken).collect()
}

/// Waits until a control plane has accepted so many.
pub(crate) fn await_accepted(control: &Control, count: usize) -> Vec<Report> {
    eventually(&format!("{count} notifications"), || {
        Some(accepted(control)).filter(|told| told.len() >= count)
    })
}

/// The sessions that these were about.
pub(crate) fn sessions(told: &[Report]) -> Vec<u64> {
    told.iter().map(|report| report.body["session"].as_u64().unwrap()).collect()
}

/// Each is told once, with an id of its own, and in the order in which it happened.
pub(crate) fn assert_in_order(told: &[Report]) {
    let ids: Vec<_> = told.iter().map(Report::id).collect();
    assert!(ids.is_sorted_by(|one, other| one.0 == other.0 && one.1 < other.1), "{ids:?}");
    assert!(sessions(told).is_sorted_by(|one, other| one < other), "{:?}", sessions(told));
}

/// `ebbtide_notifications_total`.
pub(crate) fn notifications(proxy: &Proxy, result: &str) -> u64 {
    proxy.metrics().count("ebbtide_notifications_total", &[("result", result)])
}

/// Waits until that many were counted.
pub(crate) fn await_notifications(proxy: &Proxy, result: &str, count: u64) {
    eventually(&format!("{count} notifications of result {result}"), || {
        (notifications(proxy, result) >= count).then_some(())
    });
}

/// The members of a JSON object.
pub(crate) fn members(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}
