//! What sessions weigh that do nothing. Each proxy is started anew for it.

use std::{fmt::Write as _, time::Duration};

use crate::{
    ends::Ends,
    plan::Load,
    process,
    proxies::{Kind, Programs, Running},
};

/// One proxy with so many idle sessions.
pub(crate) struct Found {
    sessions: usize,
    proxy: String,
    /// Resident bytes of the process before the first of them.
    empty: i64,
    /// Resident bytes per session: once open, after traffic, and when all are closed.
    opened: f64,
    used: f64,
    closed: f64,
    /// Milliseconds of processor time per second while nothing happens.
    cpu: f64,
    failed: usize,
}

pub(crate) fn name(sessions: usize) -> String {
    format!("idle × {sessions}")
}

/// Every proxy with every number of sessions, and the proxies' versions.
pub(crate) fn all(
    ends: &mut Ends,
    programs: &Programs,
    kinds: &[Kind],
    counts: &[usize],
    quick: bool,
) -> (Vec<Found>, Vec<String>) {
    let (mut found, mut versions) = (Vec::new(), Vec::new());
    for &sessions in counts {
        for kind in kinds {
            let Some(proxy) = programs.start(*kind, ends.address()) else { continue };
            eprintln!("{} of {}", name(sessions), proxy.name());
            if sessions == counts[0] {
                versions.push(proxy.described());
            }
            let quiet = Duration::from_secs(if quick { 1 } else { 10 });
            let settle = quiet.min(Duration::from_secs(3));
            warm(ends, &proxy);
            ends.run(settle);
            let empty = process::resident(proxy.pid());
            let weight = |pid| (process::resident(pid) - empty) as f64 / sessions as f64;
            ends.open(proxy.address, Load::Echo { size: 16 * 1024, sessions });
            ends.rest(settle);
            let opened = weight(proxy.pid());
            let before = process::cpu(proxy.pid());
            ends.rest(quiet);
            let cpu = process::cpu(proxy.pid()).saturating_sub(before);
            ends.start();
            ends.run(settle);
            ends.drain();
            ends.rest(settle);
            let used = weight(proxy.pid());
            let failed = ends.close();
            ends.run(settle);
            found.push(Found {
                sessions,
                proxy: proxy.name().to_owned(),
                empty,
                opened,
                used,
                closed: weight(proxy.pid()),
                cpu: cpu.as_secs_f64() * 1e3 / quiet.as_secs_f64(),
                failed,
            });
        }
    }
    (found, versions)
}

/// Lets a proxy have a few sessions: what the first of them set up for all is not the others' weight.
pub(crate) fn warm(ends: &mut Ends, proxy: &Running) {
    ends.open(proxy.address, Load::Echo { size: 64, sessions: 10 });
    ends.run(Duration::from_millis(100));
    ends.close();
}

pub(crate) fn table(found: &[Found]) -> String {
    let mut text =
        "| idle sessions | proxy | resident MiB without them | KiB per session | after traffic | after \
                    all have closed | CPU ms per second |\n| ---: | --- | ---: | ---: | ---: | ---: | ---: |\n"
            .to_owned();
    for Found { sessions, proxy, empty, opened, used, closed, cpu, failed } in found {
        let empty = *empty as f64 / 1024.0 / 1024.0;
        let [opened, used, closed] = [opened, used, closed].map(|bytes| bytes / 1024.0);
        let note = if *failed > 0 { format!(" ({failed} failed)") } else { String::new() };
        writeln!(
            text,
            "| {sessions}{note} | {proxy} | {empty:.1} | {opened:.2} | {used:.2} | {closed:.2} | {cpu:.2} |"
        )
        .unwrap();
    }
    text
}
