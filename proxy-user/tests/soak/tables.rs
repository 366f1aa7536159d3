//! The soak's two tables, and what must be true of them.

use std::collections::BTreeMap;
use std::time::Duration;

use libtest_mimic::Failed;
use serde_json::Value;

use crate::dead::{Dead, Kind};
use crate::harness::proxy::Proxy;
use crate::living::Outcome;
use crate::{GRACE, SLACK};

/// The reasons of `ebbtide_reaped_total`.
const REASONS: [&str; 4] = ["stalled", "unreachable", "peer_closed", "ack_timeout"];

pub(crate) fn print(
    source: &str,
    length: Duration,
    flaps: usize,
    living: &[Outcome],
    dead: &[Dead],
    proxy: &Proxy,
) {
    let mut text = format!(
        "\nsource {source}: {:.0} s = {:.0} periods of a grace of {} s; the flapping path was away {flaps} times\n\n",
        length.as_secs_f64(),
        length.as_secs_f64() / GRACE.as_secs_f64(),
        GRACE.as_secs(),
    );
    text += "| living | count | reaped | kept | longest wait (s) | what was wrong |\n\
             | --- | ---: | ---: | ---: | ---: | --- |\n";
    for kind in in_order(living.iter().map(|living| living.kind)) {
        let all: Vec<_> = living.iter().filter(|living| living.kind == kind).collect();
        let kept = all.iter().filter(|living| living.kept).count();
        let longest = all.iter().map(|living| living.longest).fold(0.0, f64::max);
        let wrong = counted(all.iter().filter_map(|living| living.reason.clone()));
        let reaped = all.len() - kept;
        text +=
            &format!("| {kind} | {} | {reaped} | {kept} | {longest:.2} | {wrong} |\n", all.len());
    }
    text += "\n| dead | count | reaped | missed | first (s) | last (s) | the other side was told |\n\
             | --- | ---: | ---: | ---: | ---: | ---: | --- |\n";
    for kind in Kind::ALL {
        let all: Vec<_> = dead.iter().filter(|dead| dead.kind == kind).collect();
        let mut times: Vec<_> = all.iter().filter_map(|d| Some(d.told.as_ref()?.0)).collect();
        times.sort_unstable();
        let shown = |time: Option<&Duration>| {
            time.map_or("-".to_owned(), |time| format!("{:.2}", time.as_secs_f64()))
        };
        let told = counted(all.iter().filter_map(|d| Some(d.told.as_ref()?.1.clone())));
        text += &format!(
            "| {} | {} | {} | {} | {} | {} | {told} |\n",
            kind.name(),
            all.len(),
            times.len(),
            all.len() - times.len(),
            shown(times.first()),
            shown(times.last()),
        );
    }
    let metrics = proxy.metrics();
    let sweeps = metrics.sum("ebbtide_sweep_seconds_count", &[]);
    let each = metrics.sum("ebbtide_sweep_seconds_sum", &[]) / sweeps.max(1.0);
    println!("{text}\n{sweeps:.0} sweeps, {:.0} µs on average", each * 1e6);
}

pub(crate) fn judge(living: &[Outcome], dead: &[Dead], proxy: &Proxy) -> Result<(), Failed> {
    let mut wrong = Vec::new();
    for living in living.iter().filter(|living| !living.kept) {
        wrong.push(format!("{}: {}", living.kind, living.reason.as_deref().unwrap_or("?")));
    }
    let reaped = proxy.log().fields("reaped");
    for Dead { kind, client, dying, told } in dead {
        let name = kind.name();
        match told {
            None => wrong.push(format!("{name}: missed")),
            Some((after, _)) if *after > kind.last_breath() + GRACE + SLACK => {
                let client = client.to_string();
                let line = reaped.iter().find(|line| line["peer"] == client.as_str());
                let line = line.map_or_else(|| "nothing".to_owned(), Value::to_string);
                wrong.push(format!("{name}: noticed after {after:?}; the proxy logged {line}"));
            }
            Some((after, _)) if *after + *dying < GRACE && *kind != Kind::Reset => {
                wrong.push(format!("{name}: had no grace, {after:?} and {dying:?}"));
            }
            Some((_, reason)) if reason != kind.reason() => {
                wrong.push(format!("{name}: told as {reason:?}"));
            }
            Some(_) => {}
        }
    }
    let metrics = proxy.metrics();
    // An app that ends a session by itself, as those of the living do at the end, is counted as
    // (app, peer_closed); nobody dies that way.
    let legs = ["client", "app"].into_iter();
    let pairs = legs.flat_map(|leg| REASONS.map(|reason| (leg, reason)));
    for counted in pairs.filter(|pair| *pair != ("app", "peer_closed")) {
        let labels = [("leg", counted.0), ("reason", counted.1)];
        let found = metrics.count("ebbtide_reaped_total", &labels);
        let due = dead.iter().filter(|dead| dead.kind.counted() == Some(counted)).count() as u64;
        if found != due {
            wrong.push(format!("ebbtide_reaped_total{labels:?} is {found}, not {due}"));
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(counted(wrong.into_iter()).into()) }
}

/// The kinds in the order of their first appearance.
fn in_order(kinds: impl Iterator<Item = &'static str>) -> Vec<&'static str> {
    let mut order = Vec::new();
    for kind in kinds {
        if !order.contains(&kind) {
            order.push(kind);
        }
    }
    order
}

/// Each text once, with how often it came.
fn counted(texts: impl Iterator<Item = String>) -> String {
    let mut counts = BTreeMap::new();
    texts.for_each(|text| *counts.entry(text).or_insert(0) += 1);
    let parts: Vec<_> = counts.iter().map(|(text, count)| format!("{text} × {count}")).collect();
    parts.join(", ")
}
