//! `[report]` and `[[notify]]`: what is sent to a control plane.

use std::path::Path;
use std::time::Duration;

use super::super::notify::{Notify, NotifyEvent};
use super::super::report::Report;
use super::super::value::DAY;
use super::super::value::header::NAME;
use super::super::value::place::token_file;
use super::super::value::template::TEMPLATE;
use super::super::value::web::{METHOD, URL};
use crate::toml_file::{Table, duration, kind};

pub(super) fn report(table: &mut Table<'_>, base: &Path) -> Option<Report> {
    let url = table.required("url", URL);
    let mut report = Report::new(url.clone().unwrap_or_default());
    table.set(&mut report.method, "method", METHOD);
    table.set(&mut report.interval, "interval", duration(Duration::from_millis(100)..=DAY));
    report.token_file = table.text("token_file", token_file(base));
    report.token_header = token_header(table);
    report.body = table.text("body", TEMPLATE);
    url.map(|_| report)
}

pub(super) fn notify(table: &mut Table<'_>, base: &Path) -> Notify {
    let url = table.required("url", URL).unwrap_or_default();
    let events = table.list("events", kind("an event", "\"suspend\""));
    if events.as_ref().is_some_and(Vec::is_empty) {
        let line = table.line_of("events");
        let fix = "name some, or leave `events` out to be told of everything";
        table.mistake(line, format!("`events` in [[notify]] is empty; {fix}"));
    }
    let all = || NotifyEvent::WORDS.iter().map(|(_, event)| *event).collect();
    Notify {
        url,
        events: events.unwrap_or_else(all),
        token_file: table.text("token_file", token_file(base)),
        token_header: token_header(table),
    }
}

/// The header for the token of the same table.
pub(super) fn token_header(table: &mut Table<'_>) -> Option<http::HeaderName> {
    let header = table.text("token_header", NAME)?;
    if !table.has("token_file") {
        table.warning("token_header", "carries nothing without `token_file`");
    }
    Some(header)
}
