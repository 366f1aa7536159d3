//! What came of a cell: held against what must come of it, and shown as a line of the table.

use std::sync::Mutex;
use std::time::Duration;

use crate::expected::{Expected, Sight, expected};
use crate::harness::source::Source;
use crate::harness::wire::End;
use crate::matrix::{Cell, Moment};
use crate::party::{Party, Saw};
use crate::play::Play;
use crate::scene::Scene;

/// A line of the table.
struct Line {
    cell: Cell,
    source: Source,
    columns: [String; COLUMNS.len()],
}

const COLUMNS: [&str; 7] = [
    "the other side saw",
    "bytes",
    "the side at fault saw",
    "reaped",
    "told after s",
    "free after s",
    "descriptors",
];

static LINES: Mutex<Vec<Line>> = Mutex::new(Vec::new());

/// Plays a cell and judges it.
pub(crate) fn cell(cell: Cell, source: Source) -> Result<(), libtest_mimic::Failed> {
    let mut scene = Scene::set(cell, source)?;
    let play = Play::run(&mut scene, cell);
    let reaped = scene.reaped();
    let line = Line { cell, source, columns: columns(&scene, &play, &reaped) };
    LINES.lock().unwrap().push(line);
    let Expected { survivor, culprit, reaped: reap } = expected(cell);
    assert!(fits(survivor, &play.survivor), "survivor: not {survivor:?}: {play:#?}");
    assert!(fits(culprit, &play.culprit), "side at fault: not {culprit:?}: {play:#?}");
    let told: Vec<_> = reaped.iter().map(|(leg, why)| (leg.as_str(), why.as_str())).collect();
    assert_eq!(told, reap.into_iter().collect::<Vec<_>>(), "reaped");
    for party in [&play.survivor, &play.culprit] {
        assert!(party.saw.strange.is_empty(), "frames that nobody sent: {play:#?}");
    }
    if cell.moment == Moment::Draining {
        assert_eq!(scene.proxy.exit_code(), Some(0));
    } else {
        scene.probe();
    }
    Ok(())
}

fn fits(sight: Sight, party: &Party) -> bool {
    let Saw { closes, cut, end, .. } = &party.saw;
    let codes: Vec<u16> = closes.iter().map(|(code, _)| *code).collect();
    let (fin, reset, whole) = (*end == Some(End::Fin), *end == Some(End::Reset), *cut == 0);
    match sight {
        Sight::Close(code) => fin && whole && codes == [code],
        Sight::Fin => fin && whole && codes.is_empty(),
        Sight::Cut => end.is_some() && !whole && codes.is_empty(),
        Sight::Reset => reset && codes.is_empty(),
        Sight::CloseReset(code) => reset && codes == [code],
        Sight::Status(status) => party.status() == Some(status),
        // What it saw before.
        Sight::Nothing => end.is_none() && codes.len() <= 1,
    }
}

fn columns(scene: &Scene, play: &Play, reaped: &[(String, String)]) -> [String; COLUMNS.len()] {
    let seconds = |time: Option<Duration>| {
        time.map_or("-".to_owned(), |time| format!("{:.1}", time.as_secs_f64()))
    };
    let reaped = reaped.iter().map(|(leg, why)| format!("{leg} {why}")).collect::<Vec<_>>();
    [
        sight(&play.survivor),
        format!("{}", play.survivor.saw.data + play.survivor.saw.cut),
        sight(&play.culprit),
        if reaped.is_empty() { "-".to_owned() } else { reaped.join(", ") },
        seconds(play.told),
        seconds(play.released),
        scene.descriptors(),
    ]
}

/// In words what a party saw.
fn sight(party: &Party) -> String {
    let status = party.status().filter(|status| *status != 101);
    let mut words: Vec<String> = status.iter().map(u16::to_string).collect();
    for (code, reason) in &party.saw.closes {
        words.push(format!("{code} {reason}").trim_end().to_owned());
    }
    if party.saw.cut > 0 {
        words.push("cut".to_owned());
    }
    match party.saw.end {
        Some(End::Fin) => words.push("FIN".to_owned()),
        Some(End::Reset) => words.push("RST".to_owned()),
        None => {}
    }
    if words.is_empty() { "-".to_owned() } else { words.join(", ") }
}

/// The table as Markdown, in the order of the matrix.
pub(crate) fn print() {
    let lines = LINES.lock().unwrap();
    println!("| cell | source | {} |", COLUMNS.join(" | "));
    println!("| --- | --- |{}", " --- |".repeat(COLUMNS.len()));
    for cell in Cell::all() {
        for source in Source::ALL {
            for line in lines.iter().filter(|l| l.cell == cell && l.source == source) {
                println!("| {} | {} | {} |", cell.name(), source.name(), line.columns.join(" | "));
            }
        }
    }
}
