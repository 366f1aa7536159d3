//! The matrix as text: a column per kernel, a row per capability, and below it every trial that did
//! not pass, by name and with its reason. Pure.

use std::fmt::Write as _;

use super::report::{Outcome, Report, Trial};

/// The whole table.
pub(super) fn render(reports: &[Report]) -> String {
    let mut rows = vec![row("kernel", reports, |report| {
        report.release.as_deref().map_or(report.wish(), short).to_owned()
    })];
    for name in capabilities(reports) {
        rows.push(row(&name, reports, |report| {
            let found = report.capabilities.iter().find(|capability| capability.name == name);
            found.map_or("-", |capability| &capability.value).to_owned()
        }));
    }
    for (name, which) in [
        ("trials passed", (|outcome| matches!(outcome, Outcome::Passed)) as fn(&Outcome) -> bool),
        ("trials failed", |outcome| matches!(outcome, Outcome::Failed(_))),
        ("trials unsteady", |outcome| matches!(outcome, Outcome::Unsteady(_))),
        ("trials not run", |outcome| matches!(outcome, Outcome::NotRun(_))),
    ] {
        rows.push(row(name, reports, |report| {
            report.trials.iter().filter(|trial| which(&trial.outcome)).count().to_string()
        }));
    }
    rows.push(row("seconds", reports, |report| report.seconds.to_string()));
    rows.push(row("verdict", reports, |report| {
        if report.good() { "good" } else { "NOT GOOD" }.to_owned()
    }));
    let mut text = align(&rows);
    for report in reports {
        text.push_str(&remarks(report));
    }
    text
}

/// A release without what all of Debian's have in common.
fn short(release: &str) -> &str {
    release.strip_suffix("-cloud-amd64").unwrap_or(release)
}

/// Every capability that some kernel's `doctor` names, in the order of the first that does.
fn capabilities(reports: &[Report]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for capability in reports.iter().flat_map(|report| &report.capabilities) {
        if !names.contains(&capability.name) {
            names.push(capability.name.clone());
        }
    }
    names
}

fn row(name: &str, reports: &[Report], cell: impl Fn(&Report) -> String) -> Vec<String> {
    std::iter::once(name.to_owned()).chain(reports.iter().map(cell)).collect()
}

fn align(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
    };
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    rows.iter().fold(String::new(), |mut text, row| {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            // Writing to a String cannot fail.
            let _ = write!(line, "{cell:<width$}  ");
        }
        text.push_str(line.trim_end());
        text.push('\n');
        text
    })
}

/// What the table has no room for.
fn remarks(report: &Report) -> String {
    let mut lines: Vec<String> =
        report.faults.iter().map(|fault| format!("FAULT    {fault}")).collect();
    if let Some(panic) = &report.first_panic {
        lines
            .push(format!("twice    it was booted a second time, for the first ended so: {panic}"));
    }
    for Trial { name, outcome } in &report.trials {
        match outcome {
            Outcome::Passed => {}
            Outcome::Failed(words) => lines.push(format!("FAILED   {name}: {words}")),
            Outcome::Unsteady(words) => {
                lines.push(format!("unsteady {name}: passed by itself; among others: {words}"));
            }
            Outcome::NotRun(reason) => lines.push(format!("not run  {name}: {reason}")),
        }
    }
    for capability in &report.capabilities {
        if let Some(detail) = &capability.detail {
            lines.push(format!("{:<8} {}: {detail}", capability.value, capability.name));
        }
    }
    if lines.is_empty() {
        return String::new();
    }
    let name = report.release.as_deref().map_or(report.wish(), short);
    format!("\n{name}\n  {}\n", lines.join("\n  "))
}
