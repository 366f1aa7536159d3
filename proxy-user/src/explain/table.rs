//! All apps in a table: `ebbtide apps`.

use std::fmt::Write;

use super::words::{ago, span};
use crate::views::AppView;

const HEADINGS: [&str; 6] = ["APP", "STATE", "SINCE", "SESSIONS", "LAST ACTIVITY", "SUSPENDED IN"];

/// One line for each app.
pub(super) fn table(apps: &[AppView]) -> String {
    let rows: Vec<_> =
        std::iter::once(HEADINGS.map(str::to_owned)).chain(apps.iter().map(row)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let widths: [usize; HEADINGS.len()] = std::array::from_fn(width);
    let line = |row: &[String; HEADINGS.len()]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        let line = cells.collect::<Vec<_>>().join("  ");
        format!("{}\n", line.trim_end())
    };
    let mut text: String = rows.iter().map(line).collect();
    for AppView { app, life, .. } in apps {
        if let Some(reason) = &life.failure {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{app} failed: {reason}");
        }
    }
    text
}

fn row(view: &AppView) -> [String; HEADINGS.len()] {
    let last = view.last_activity.as_ref();
    [
        view.app.clone(),
        view.state.clone(),
        view.life.since_seconds.map_or("-".to_owned(), ago),
        view.sessions.to_string(),
        last.map_or("none".to_owned(), |last| ago(last.ago_seconds)),
        match (view.suspends_in_seconds, view.state.as_str()) {
            (Some(seconds), _) => span(seconds),
            (None, "running") => "never".to_owned(),
            (None, _) => "-".to_owned(),
        },
    ]
}
