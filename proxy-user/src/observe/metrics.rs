//! `/metrics` of an observer, read from its table at each scrape.

use prometheus::{IntCounterVec, IntGaugeVec, Opts, Registry, Result, TextEncoder};

use super::table::Table;
use crate::core::observe;

/// The label `app` of everything observed: the proxy's metrics have one, and ports or addresses are not
/// used as labels.
pub(super) const APP: &str = "observed";
const LEG: &str = "client";

/// The whole exposition in Prometheus' text format.
///
/// # Errors
/// Never in practice: names and labels are constants.
pub(super) fn render(table: &Table) -> Result<String> {
    let registry = Registry::new();
    let counter = |name: &str, help: &str, labels: &[&str]| {
        let counter = IntCounterVec::new(Opts::new(name, help), labels)?;
        registry.register(Box::new(counter.clone()))?;
        Result::Ok(counter)
    };
    let gauge = |name: &str, help: &str, labels: &[&str]| {
        let gauge = IntGaugeVec::new(Opts::new(name, help), labels)?;
        registry.register(Box::new(gauge.clone()))?;
        Result::Ok(gauge)
    };
    gauge("ebbtide_build_info", "Always 1; the version is in the label", &["version"])?
        .with_label_values(&[env!("CARGO_PKG_VERSION")])
        .set(1);
    gauge(
        "ebbtide_socket_source",
        "Always 1; the source of the socket table is in the label",
        &["source"],
    )?
    .with_label_values(&[table.sockets.source().to_string()])
    .set(1);

    let leg = ["app", "leg"];
    let open = gauge("ebbtide_observed_sockets", "Connections that are watched", &[])?;
    let stalled = gauge(
        "ebbtide_observed_stalled",
        "Watched connections that are stalled, by reason",
        &["reason"],
    )?;
    let reaped = counter(
        "ebbtide_reaped_total",
        "Connections that were destroyed because their peer was gone",
        &["app", "leg", "reason"],
    )?;
    let acked = counter(
        "ebbtide_tcp_acked_bytes_total",
        "Bytes that peers acknowledged while they were watched",
        &leg,
    )?;
    let retransmits = counter("ebbtide_tcp_retransmits_total", "Segments sent again", &leg)?;
    let queued = gauge("ebbtide_tcp_queued_bytes", "Bytes that peers have not taken yet", &leg)?;
    let shut = gauge("ebbtide_tcp_zero_window", "Connections at a closed window", &leg)?;

    for (reason, count) in observe::REASONS.into_iter().zip(table.reaped) {
        stalled.with_label_values(&[reason]).set(0);
        // Without `--reap` the metric is left out, rather than shown as 0.
        if table.reap {
            reaped.with_label_values(&[APP, LEG, reason]).inc_by(count);
        }
    }
    let none: [&str; 0] = [];
    open.with_label_values(&none).set(i64::try_from(table.legs.len()).unwrap_or(i64::MAX));
    let (acked, retransmits) =
        (acked.with_label_values(&[APP, LEG]), retransmits.with_label_values(&[APP, LEG]));
    let (queued, shut) =
        (queued.with_label_values(&[APP, LEG]), shut.with_label_values(&[APP, LEG]));
    acked.inc_by(table.gone.acked);
    retransmits.inc_by(table.gone.retransmits);
    for watched in table.legs.values().filter(|watched| watched.is_known()) {
        let sample = watched.leg.sample();
        acked.inc_by(watched.acked());
        retransmits.inc_by(sample.retransmits.into());
        queued.add(i64::try_from(sample.queued).unwrap_or(i64::MAX));
        shut.add((sample.window == 0).into());
        if let Some(reason) = observe::reason(watched.told) {
            stalled.with_label_values(&[reason]).inc();
        }
    }
    TextEncoder::new().encode_to_string(&registry.gather())
}
