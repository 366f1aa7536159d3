//! Rounds of all proxies in turn, so that a noisy minute of the machine disturbs all of them alike.

use std::time::Duration;

use crate::{ends::Ends, median::median, plan::Load, process, proxies::Running};

/// How long a load runs before it is measured.
const WARM_UP: Duration = Duration::from_millis(150);

/// The medians of one load through one proxy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    /// Microseconds of processor time per message.
    pub(crate) cpu: f64,
    /// Messages per second.
    pub(crate) rate: f64,
    /// Microseconds that half, 99 % and 99.9 % of the turns were within.
    pub(crate) latency: [f64; 3],
}

/// For each load the figures of each proxy; `None` where sessions failed.
pub(crate) fn all(
    ends: &mut Ends,
    proxies: &[Running],
    loads: &[Load],
    rounds: usize,
    time: Duration,
) -> Vec<Vec<Option<Found>>> {
    let mut found = Vec::new();
    for &load in loads {
        eprintln!("{}", load.name());
        let mut each: Vec<Vec<Option<Found>>> = vec![Vec::new(); proxies.len()];
        for _ in 0..rounds {
            for (proxy, each) in proxies.iter().zip(&mut each) {
                each.push(one(ends, proxy, load, time));
            }
        }
        found.push(each.into_iter().map(|rounds| middle(&rounds)).collect());
    }
    found
}

fn one(ends: &mut Ends, proxy: &Running, load: Load, time: Duration) -> Option<Found> {
    ends.open(proxy.address, load);
    ends.run(WARM_UP);
    ends.forget();
    let before = process::cpu(proxy.pid());
    let took = ends.run(time);
    let cpu = process::cpu(proxy.pid()).saturating_sub(before);
    let mut turns = ends.turns();
    let failed = ends.close();
    if failed > 0 || turns.is_empty() {
        eprintln!("{}: {failed} sessions failed, {} turns", proxy.name(), turns.len());
        return None;
    }
    turns.sort_unstable();
    let at = |share: f64| {
        let index = (turns.len() as f64 * share) as usize;
        f64::from(turns[index.min(turns.len() - 1)]) / 1e3
    };
    let messages = (turns.len() * load.per_turn()) as f64;
    Some(Found {
        cpu: cpu.as_secs_f64() * 1e6 / messages,
        rate: messages / took.as_secs_f64(),
        latency: [at(0.5), at(0.99), at(0.999)],
    })
}

fn middle(rounds: &[Option<Found>]) -> Option<Found> {
    let rounds: Option<Vec<Found>> = rounds.iter().copied().collect();
    let rounds = rounds.filter(|rounds| !rounds.is_empty())?;
    let of = |figure: fn(&Found) -> f64| median(rounds.iter().map(figure));
    Some(Found {
        cpu: of(|found| found.cpu),
        rate: of(|found| found.rate),
        latency: [
            of(|found| found.latency[0]),
            of(|found| found.latency[1]),
            of(|found| found.latency[2]),
        ],
    })
}
