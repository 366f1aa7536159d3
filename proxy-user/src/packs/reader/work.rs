//! `[[work]]`: signs that an app is at work for somebody.

use std::sync::Arc;
use std::time::Duration;

use super::matcher::{self, Subject};
use super::rules::{guard, request_guard};
use super::value::{Patterns, id, json_path, prose, token, word};
use crate::core::pack::{
    AnswerSays, AnswerWork, Guard, JsonPath, MessageWork, ScopeRule, Shown, Signal, Signals,
    WorkRule,
};
use crate::core::side::Direction;
use crate::core::work::By;
use crate::toml_file::{Table, duration};

/// The limits for how long work must last to count, and for how long there may be no sign of it.
const SPANS: std::ops::RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(3600);

/// What a rule inspects.
#[derive(Clone, Copy, PartialEq, Eq)]
enum On {
    Message,
    Event,
    Request,
    Answer,
}

/// Reads one rule of the pack with this name.
pub(super) fn work(table: &mut Table<'_>, patterns: &Patterns, pack: &str) -> Arc<WorkRule> {
    let id = table.required("id", id()).unwrap_or_default();
    let words = [
        ("message", On::Message),
        ("event", On::Event),
        ("request", On::Request),
        ("answer", On::Answer),
    ];
    let on = table.required("on", word("\"message\"", &words)).unwrap_or(On::Message);
    let words = [("person", By::Person), ("asker", By::Asker), ("page", By::Page)];
    let by = table.text("by", word("\"asker\"", &words)).unwrap_or(By::Person);
    let after = table.text("after", duration(SPANS)).unwrap_or_default();
    let lapse = table.text("lapse", duration(SPANS));
    let asked_by = table.table("asked_by", "asked_by", |table| request_guard(table, patterns));
    let shown = match on {
        On::Message => {
            let guard = guard(table, patterns);
            named(table, &guard);
            let scope = scope(table, patterns);
            let signals = signals(table, patterns, Subject::Message);
            Shown::Messages(MessageWork { guard, scope, signals })
        }
        On::Event => Shown::Events {
            path: table.text("path", patterns.anywhere()),
            signals: signals(table, patterns, Subject::Body),
        },
        On::Request => {
            let guard = request_guard(table, patterns);
            if !table.has("path") {
                table.lacks("path", "[[work]] needs a `path` that selects its requests".to_owned());
            }
            let body = table.table("body", "body", |table| {
                let matcher = matcher::read(table, patterns, Subject::Body);
                if matcher.is_none() {
                    table.mistake_here("`body` has no condition; add one".to_owned());
                }
                matcher
            });
            Shown::Request { guard, body: body.flatten() }
        }
        On::Answer => answer(table, patterns),
    };
    let name = format!("{pack}/{id}").into();
    Arc::new(WorkRule { name, by, asked_by, after, lapse, shown })
}

fn named(table: &mut Table<'_>, guard: &Guard) {
    if guard.path.is_none() && guard.query.is_none() && guard.subprotocol.is_none() {
        let message =
            "[[work]] needs a `path`, `query` or `subprotocol` that selects its connections";
        table.lacks("path", message.to_owned());
    }
}

fn scope(table: &mut Table<'_>, patterns: &Patterns) -> ScopeRule {
    let path = table.text("scope", patterns.anywhere());
    let name = table.text("scope_key", json_path());
    let survives =
        table.table("survives", "survives", |table| signal(table, patterns, Subject::Message));
    if name.is_some() != survives.is_some() {
        let message = "`scope_key` and `survives` must be used together";
        table.lacks("survives", message.to_owned());
    }
    match (path, name, survives.flatten()) {
        (Some(path), ..) => ScopeRule::Path(path),
        (None, Some(name), Some(survives)) => ScopeRule::Message { name, survives },
        _ => ScopeRule::Connection,
    }
}

fn signals(table: &mut Table<'_>, patterns: &Patterns, subject: Subject) -> Signals {
    let mut list = |key, title| {
        let signals = table.tables(key, title, |table| signal(table, patterns, subject));
        signals.unwrap_or_default().into_iter().flatten().collect()
    };
    let signals = Signals {
        begin: list("begin", "begin"),
        end: list("end", "end"),
        end_all: list("end_all", "end_all"),
        ending: list("ending", "ending"),
    };
    if signals.begin.is_empty() {
        table.lacks("begin", "[[work]] needs a `begin` that says what begins it".to_owned());
    }
    signals
}

/// `None` if there is no condition, which is a mistake.
fn signal(table: &mut Table<'_>, patterns: &Patterns, subject: Subject) -> Option<Signal> {
    let ways = [("client", Direction::Input), ("app", Direction::Output)];
    let direction = match subject {
        Subject::Message => table.required("from", word("\"app\"", &ways)),
        Subject::Body => None,
    };
    let key: Option<JsonPath> = table.text("key", json_path());
    let matcher = matcher::read(table, patterns, subject);
    if matcher.is_none() {
        table.mistake_here("there is no condition here; add one".to_owned());
    }
    let direction = direction.unwrap_or(Direction::Output);
    matcher.map(|matcher| Signal { direction, matcher: matcher.into(), key })
}

fn answer(table: &mut Table<'_>, patterns: &Patterns) -> Shown {
    let guard = request_guard(table, patterns);
    if !table.has("path") {
        table.lacks("path", "[[work]] needs a `path` that selects its answers".to_owned());
    }
    let states = table.table("states", "states", |table| AnswerSays::States {
        prefix: table.text("prefix", prose()).unwrap_or_default().into(),
        scope: table.required("scope", json_path()).unwrap_or_default(),
        state: table.required("state", json_path()).unwrap_or_default(),
        busy: table.list("busy", token()).unwrap_or_default(),
    });
    let what = states.or_else(|| {
        let begin = table.tables("begin", "begin", |table| signal(table, patterns, Subject::Body));
        let begin = begin.unwrap_or_default().into_iter().flatten().collect();
        let name = table.required("name_query", patterns.anywhere())?;
        Some(AnswerSays::One { begin, name })
    });
    match what {
        Some(what) => Shown::Answer(AnswerWork { guard, what }),
        // The mistake has already been recorded.
        None => Shown::Events { path: None, signals: Signals::default() },
    }
}
