//! What happens to one app in a week, drawn from its number.

use std::time::Duration;

use ebbtide::core::time::Nanos;

use crate::payload::Random;

/// The scene of one app's week. Times are of the simulation: already divided by the scale.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) idle_after: Duration,
    pub(crate) busy_limit: Duration,
    pub(crate) week: Duration,
    /// What the outside does, in the order of time.
    pub(crate) script: Vec<(Nanos, Deed)>,
    /// The machine sleeps, from and to.
    pub(crate) sleep: (Nanos, Nanos),
}

/// What the outside does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    /// Somebody opens the page.
    Visit,
    /// Somebody types or clicks.
    Input,
    /// A page that nobody looks at asks by itself.
    Poll,
    /// A program asks, which is a request that counts.
    Request,
    /// Work begins that the wire shows.
    WorkBegins(u64),
    /// It ends.
    WorkEnds(u64),
    /// Work begins that the app alone knows of.
    JobBegins,
    /// It ends.
    JobEnds,
    /// An operator wants it suspended.
    Suspend,
    /// The app's process ends by itself, if it runs.
    Crash,
}

impl World {
    /// The week of app number `seed`; an hour of the world is `3600 / scale` seconds.
    pub(crate) fn new(seed: u64, idle_after: Duration, scale: u32) -> World {
        let mut random = Random::seeded(seed + 1);
        let week = Duration::from_hours(24 * 7);
        let mut script = Vec::new();
        // Some apps are used by many, most now and then.
        let crowd = random.below(7);
        let visits = 2 + random.below(1 << crowd);
        for number in 0..visits as u64 {
            visit(&mut script, &mut random, seed << 16 | number, week);
        }
        for _ in 0..random.below(3) {
            script.push((moment(&mut random, week), Deed::Crash));
        }
        if random.below(4) == 0 {
            script.push((moment(&mut random, week), Deed::Suspend));
        }
        for (at, _) in &mut script {
            at.0 /= u64::from(scale);
        }
        // What the scale would make one moment keeps its order.
        script.sort_by_key(|(at, _)| *at);
        let sleeps = moment(&mut random, week / scale);
        let sleep = (sleeps, sleeps + minutes(random.below(240)) / scale);
        World {
            seed,
            idle_after: idle_after / scale,
            busy_limit: Duration::from_hours(24) / scale,
            week: week / scale,
            script,
            sleep,
        }
    }
}

/// Somebody comes, does this and that, and goes; often the tab stays.
fn visit(script: &mut Vec<(Nanos, Deed)>, random: &mut Random, number: u64, week: Duration) {
    let mut at = moment(random, week);
    script.push((at, if random.below(8) == 0 { Deed::Request } else { Deed::Visit }));
    for deed in 0..random.below(40) as u64 {
        at = at + Duration::from_secs(1 + random.below(600) as u64);
        script.push((at, Deed::Input));
        let size = random.below(10);
        let lasts = minutes(random.below(1 << size));
        match random.below(20) {
            0 => {
                let key = number << 8 | deed;
                script.push((at, Deed::WorkBegins(key)));
                // An end may be lost.
                if random.below(20) > 0 {
                    script.push((at + lasts, Deed::WorkEnds(key)));
                }
            }
            1 => script.extend([(at, Deed::JobBegins), (at + lasts, Deed::JobEnds)]),
            _ => {}
        }
    }
    if random.below(2) == 0 {
        let forgotten = minutes(random.below(24 * 60));
        let polls = 1 + random.below(200) as u32;
        script.extend((1..=polls).map(|poll| (at + forgotten * poll / polls, Deed::Poll)));
    }
}

fn moment(random: &mut Random, week: Duration) -> Nanos {
    let nanos = u64::try_from(week.as_nanos()).unwrap();
    Nanos(1 + random.next() % nanos)
}

fn minutes(count: usize) -> Duration {
    Duration::from_secs(60 * count as u64)
}
