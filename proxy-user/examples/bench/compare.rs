//! Two builds of Ebbtide in one run: does the newer one cost more?
//!
//! Both run at the same time on the same core and get the same load in turns of a few milliseconds, so that
//! what disturbs the machine disturbs both. Each
//! round starts both anew: where a process happens to lie in memory makes a difference of its own, which
//! belongs to the spread.

use std::{fmt::Write as _, time::Duration};

use crate::{
    Common,
    ends::Ends,
    idle,
    median::median,
    plan::{self, Load},
    process,
    proxies::{Kind, Programs, Running},
    ratio::{self, Ratio},
};

/// One build's turn under a load.
const TURN: Duration = Duration::from_millis(10);
/// Turns of each build before any counts.
const WARM_UP: usize = 5;
/// How long both rest before they are weighed: freed memory goes back to the kernel after a second.
const SETTLE: Duration = Duration::from_millis(1500);
/// How long their processor time at rest is watched: some sweeps.
const QUIET: Duration = Duration::from_secs(3);
/// Resting takes long and differs little: it has its turn in every second round.
const RESTS: usize = 2;

/// A running build, and the ends of its sessions.
struct Subject {
    proxy: Running,
    ends: Ends,
}

/// One figure of one load: old and new, a pair from each round.
struct Row {
    load: String,
    figure: &'static str,
    pairs: Vec<[f64; 2]>,
    failed: bool,
}

/// The table of all loads that are wanted, with the two builds at these paths.
pub(crate) fn run(old: &str, new: &str, common: &Common) -> String {
    let (loads, sessions) = plan::compared(common.quick);
    let wanted = |load: &Load| common.wants(&load.name());
    let loads: Vec<Load> = loads.into_iter().filter(wanted).collect();
    let mut rows = Vec::new();
    for round in 0..common.rounds {
        eprintln!("round {} of {}", round + 1, common.rounds);
        let start = |ebbtide: &str| {
            let programs = Programs { ebbtide: ebbtide.to_owned(), workers: common.workers };
            let ends = Ends::new();
            let proxy = programs.start(Kind::Ebbtide, ends.address())?;
            Some(Subject { proxy, ends })
        };
        let (Some(first), Some(second)) = (start(old), start(new)) else {
            return "failed: a build does not start\n".to_owned();
        };
        let mut subjects = [first, second];
        if round % RESTS == 0 && common.wants(&idle::name(sessions)) {
            at_rest(&mut subjects, sessions, order(round / RESTS), &mut rows);
        }
        for &load in &loads {
            under_load(&mut subjects, load, common.time(), &mut rows);
        }
    }
    table(&rows)
}

/// Both hold their sessions at the same time.
fn at_rest(subjects: &mut [Subject; 2], sessions: usize, order: [usize; 2], rows: &mut Vec<Row>) {
    fn both<T>(subjects: &[Subject; 2], figure: fn(u32) -> T) -> [T; 2] {
        subjects.each_ref().map(|subject| figure(subject.proxy.pid()))
    }
    let rest = |subjects: &mut [Subject; 2], time: Duration| {
        subjects.iter_mut().for_each(|subject| subject.ends.rest(time / 2));
    };
    for Subject { proxy, ends } in subjects.iter_mut() {
        idle::warm(ends, proxy);
    }
    rest(subjects, SETTLE);
    let empty = both(subjects, process::resident);
    for at in order {
        let Subject { proxy, ends } = &mut subjects[at];
        ends.open(proxy.address, Load::Echo { size: 64, sessions });
    }
    rest(subjects, SETTLE);
    let before = both(subjects, process::cpu);
    rest(subjects, QUIET);
    let after = both(subjects, process::cpu);
    let resident = both(subjects, process::resident);
    let whole = subjects.each_mut().map(|subject| subject.ends.close()) == [0, 0];
    let weight = [0, 1].map(|at| (resident[at] - empty[at]) as f64 / 1024.0 / sessions as f64);
    let cpu = [0, 1].map(|at| millis(after[at].saturating_sub(before[at])) / QUIET.as_secs_f64());
    let name = idle::name(sessions);
    note(rows, &name, "KiB per session", whole.then_some(weight));
    note(rows, &name, "CPU ms per second", whole.then_some(cpu));
}

fn under_load(subjects: &mut [Subject; 2], load: Load, time: Duration, rows: &mut Vec<Row>) {
    for Subject { proxy, ends } in subjects.iter_mut() {
        ends.open(proxy.address, load);
    }
    let turns = (time.as_millis() / TURN.as_millis()).max(1) as usize;
    let (mut cpu, mut wall, mut messages) = ([Duration::ZERO; 2], [Duration::ZERO; 2], [0; 2]);
    let mut used = subjects.each_ref().map(|subject| process::cpu(subject.proxy.pid()));
    for turn in 0..WARM_UP + turns {
        for at in order(turn) {
            let Subject { proxy, ends } = &mut subjects[at];
            let took = ends.run(TURN);
            // What is left of a turn is done in the other's, and counts here.
            let before = std::mem::replace(&mut used[at], process::cpu(proxy.pid()));
            let done = ends.turns().len() * load.per_turn();
            if turn >= WARM_UP {
                cpu[at] += used[at].saturating_sub(before);
                wall[at] += took;
                messages[at] += done;
            }
        }
    }
    let whole =
        subjects.each_mut().map(|subject| subject.ends.close()) == [0, 0] && !messages.contains(&0);
    let each = |times: [Duration; 2]| {
        whole.then(|| [0, 1].map(|at| millis(times[at]) * 1e3 / messages[at] as f64))
    };
    note(rows, &load.name(), "CPU µs per message", each(cpu));
    note(rows, &load.name(), "time µs per message", each(wall));
}

/// Who is first: old and new take turns.
fn order(number: usize) -> [usize; 2] {
    if number.is_multiple_of(2) { [0, 1] } else { [1, 0] }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn note(rows: &mut Vec<Row>, load: &str, figure: &'static str, pair: Option<[f64; 2]>) {
    let known = rows.iter().position(|row| row.load == load && row.figure == figure);
    let at = known.unwrap_or_else(|| {
        let row = Row { load: load.to_owned(), figure, pairs: Vec::new(), failed: false };
        rows.push(row);
        rows.len() - 1
    });
    rows[at].failed |= pair.is_none();
    rows[at].pairs.extend(pair);
}

fn table(rows: &[Row]) -> String {
    let mut text = "| load | figure | old | new | new/old | spread | new is |\n\
                    | --- | --- | ---: | ---: | ---: | --- | --- |\n"
        .to_owned();
    for Row { load, figure, pairs, failed } in rows {
        if *failed {
            writeln!(text, "| {load} | {figure} | failed | | | | |").unwrap();
            continue;
        }
        let [old, new] = [0, 1].map(|at| median(pairs.iter().map(|pair| pair[at])));
        let Ratio { low, middle, high } = Ratio::of(pairs);
        let verdict = match () {
            () if pairs.len() < ratio::FEWEST => "not told",
            () if low > 1.0 => "worse",
            () if high < 1.0 => "better",
            () => "the same",
        };
        writeln!(
            text,
            "| {load} | {figure} | {old:.3} | {new:.3} | {middle:.3} | {low:.3} to {high:.3} | {verdict} |"
        )
        .unwrap();
    }
    text
}
