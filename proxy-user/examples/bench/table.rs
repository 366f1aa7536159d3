//! The table of all loads.

use std::fmt::Write as _;

use crate::{plan::Load, proxies::Running, round::Found};

pub(crate) fn loads(loads: &[Load], proxies: &[Running], found: &[Vec<Option<Found>>]) -> String {
    let mut text =
        "| load | proxy | CPU µs per message | to epoll 16 KiB | to epoll 64 KiB | per second \
                    | p50 µs | p99 µs | p99.9 µs |\n\
                    | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n"
            .to_owned();
    for (load, found) in loads.iter().zip(found) {
        let floor = |name: &str| {
            let at = proxies.iter().position(|proxy| proxy.name() == name)?;
            found[at].map(|found| found.cpu)
        };
        let floors = [floor("epoll 16 KiB"), floor("epoll 64 KiB")];
        for (proxy, found) in proxies.iter().zip(found) {
            let (load, proxy) = (load.name(), proxy.name());
            let Some(found) = found else {
                writeln!(text, "| {load} | {proxy} | failed | | | | | | |").unwrap();
                continue;
            };
            let [small, large] = floors.map(|floor| {
                floor.map_or(String::new(), |floor| format!("{:.2}", found.cpu / floor))
            });
            let [half, most, all] = found.latency;
            writeln!(
                text,
                "| {load} | {proxy} | {:.3} | {small} | {large} | {:.0} | {half:.0} | {most:.0} | {all:.0} |",
                found.cpu, found.rate,
            )
            .unwrap();
        }
    }
    text
}
