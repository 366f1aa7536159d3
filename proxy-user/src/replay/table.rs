//! Formats outcomes as text. Pure: no terminal, no file.

use std::fmt::Write;

use super::outcome::{Outcome, Tally};
use super::work::WorkSeen;

/// How many different errors are shown per recording.
const WRONGS: usize = 8;

const HEAD: [&str; 7] = ["RECORDING", "TAB", "PACKS", "MESSAGES", "REQUESTS", "OUTPUT", "WRONG"];

/// The outcomes as a table, followed by the errors, and by how much each rule ignored.
#[must_use]
pub fn table(outcomes: &[Outcome]) -> String {
    let mut rows = vec![HEAD.map(str::to_owned)];
    rows.extend(outcomes.iter().map(row));
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let widths: [usize; HEAD.len()] = std::array::from_fn(width);
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
            // Words are left-aligned, numbers right-aligned.
            let _ = match column {
                0..3 => write!(line, "{cell:width$}  "),
                _ => write!(line, "{cell:>width$}  "),
            };
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text.push_str("MESSAGES, REQUESTS and OUTPUT: how many counted, of how many.\n");
    work(&mut text, outcomes);
    rules(&mut text, outcomes);
    wrongs(&mut text, outcomes);
    text
}

fn row(outcome: &Outcome) -> [String; HEAD.len()] {
    let tally = |tally: &Tally| format!("{} of {}", tally.counted, tally.seen);
    [
        outcome.recording.clone(),
        outcome.tab.to_owned(),
        outcome.packs.join(" "),
        tally(&outcome.messages),
        tally(&outcome.requests),
        tally(&outcome.output),
        outcome.wrongs().to_string(),
    ]
}

/// How much of the apps' work was detected.
fn work(text: &mut String, outcomes: &[Outcome]) {
    let some = |outcome: &&Outcome| outcome.work != WorkSeen::default();
    let width = outcomes.iter().map(|outcome| outcome.recording.len()).max().unwrap_or(0);
    if !outcomes.iter().any(|outcome| some(&outcome)) {
        return;
    }
    text.push_str("\nWork in progress, in seconds\n");
    let head = ["WORKED", "MISSED", "UNSEEN", "IMAGINED"];
    let [a, b, c, d] = head;
    let _ = writeln!(text, "  {:width$}  {a:>8}  {b:>8}  {c:>8}  {d:>8}", "RECORDING");
    for outcome in outcomes.iter().filter(some) {
        let WorkSeen { worked, missed, unseen, imagined } = outcome.work;
        let name = &outcome.recording;
        let _ = writeln!(
            text,
            "  {name:width$}  {worked:8.2}  {missed:8.2}  {unseen:8.2}  {imagined:8.2}"
        );
    }
    text.push_str(
        "MISSED: not detected although the traffic showed it. UNSEEN: the traffic did not show it.\n",
    );
}

fn rules(text: &mut String, outcomes: &[Outcome]) {
    text.push_str("\nIgnored, by rule\n");
    for outcome in outcomes {
        let kinds = [&outcome.messages, &outcome.requests, &outcome.output];
        let rules = kinds.iter().flat_map(|tally| &tally.ignored);
        let rules: Vec<String> = rules.map(|(rule, count)| format!("{rule} {count}")).collect();
        if !rules.is_empty() {
            let _ = writeln!(text, "  {}: {}", outcome.recording, rules.join(", "));
        }
    }
}

fn wrongs(text: &mut String, outcomes: &[Outcome]) {
    for outcome in outcomes.iter().filter(|outcome| !outcome.wrong.is_empty()) {
        let what = if ["person", "busy"].contains(&outcome.tab) {
            "not as labelled"
        } else {
            "counted, with nobody there"
        };
        let _ = writeln!(text, "\n{}: {what}", outcome.recording);
        for (wrong, count) in outcome.wrong.iter().take(WRONGS) {
            let _ = writeln!(text, "  {count} x {wrong}");
        }
        let more = outcome.wrong.len().saturating_sub(WRONGS);
        if more > 0 {
            let _ = writeln!(text, "  and {more} others");
        }
    }
}
