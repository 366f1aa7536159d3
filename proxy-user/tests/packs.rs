//! What each built-in pack must ignore and what it must count: the messages, requests and events of
//! `tests/packs/samples`, from the protocols, also those of frameworks of which nothing was recorded.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

#[path = "packs/pieces.rs"]
mod pieces;

use std::path::{Path, PathBuf};
use std::time::Duration;

use ebbtide::core::frame::Opcode;
use ebbtide::core::pack::{
    Context, Judgement, Message, MessageJudge, Opening, RequestHead, RequestJudgement, RuleBook,
    RuleIndex,
};
use ebbtide::core::payload::Payload;
use ebbtide::core::side::Direction;
use ebbtide::packs::Packs;
use toml::de::{DeTable, DeValue};

/// What a sample is when no rule of any kind knows it.
const ACTIVITY: &str = "activity";

/// Every pack that is built in has samples, and every file of samples has its pack.
#[test]
fn every_pack_has_samples() {
    let packs = Packs::open(None).unwrap();
    let packs: Vec<String> = packs.iter().map(|file| file.pack.name.to_string()).collect();
    let mut samples: Vec<String> =
        files().iter().map(|file| file.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    samples.sort();
    assert_eq!(packs, samples);
}

#[test]
fn samples_are_judged_as_they_say() {
    let packs = Packs::open(None).unwrap();
    let mut wrong = Vec::new();
    let mut count = 0;
    for file in files() {
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let book = packs.book(std::slice::from_ref(&name)).unwrap();
        let text = std::fs::read_to_string(&file).unwrap();
        let table = DeTable::parse(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        for (what, is, found) in judged(&book, table.get_ref()) {
            count += 1;
            if is != found {
                wrong.push(format!("{name}: {what}\n    is {found}, not {is}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {count} samples:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count > 250, "{count} samples");
}

/// Every rule is shown by a sample, so that none is there that nothing fits.
#[test]
fn every_rule_has_a_sample() {
    let packs = Packs::open(None).unwrap();
    let mut without = Vec::new();
    for file in files() {
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = std::fs::read_to_string(&file).unwrap();
        let book = packs.book(std::slice::from_ref(&name)).unwrap();
        for rule in book.rules().iter().filter(|rule| *rule.pack == *name) {
            let shown = text.contains(&format!("is = \"{}\"", rule.id));
            if !shown && *rule.id != *ebbtide::core::pack::REOPENED {
                without.push(format!("{name}: {}", rule.id));
            }
        }
    }
    assert!(without.is_empty(), "{without:#?}");
}

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/packs/samples");
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// Every sample of a file: what it is, what it says of itself, what the rules say.
fn judged(book: &RuleBook, table: &DeTable<'_>) -> Vec<(String, String, String)> {
    let mut all = Vec::new();
    for connection in list(table, "connection") {
        let opening = Opening {
            path: text(connection, "path").unwrap(),
            query: text(connection, "query").unwrap_or_default(),
            subprotocol: text(connection, "subprotocol"),
            unattended: connection.contains_key("unattended"),
        };
        let mut judge = MessageJudge::new(&book.connection(&opening));
        for message in list(connection, "messages") {
            let (opcode, payload) = bytes(message);
            let age = text(message, "age").unwrap_or("2s").strip_suffix('s').unwrap();
            let echo = message.contains_key("echo").then_some(Duration::from_millis(20));
            let shown = Message {
                opcode,
                payload: &Payload::whole(&payload),
                age: Duration::from_secs(age.parse().unwrap()),
                first: message.contains_key("first"),
                context: Context { echo, ..Context::default() },
            };
            let direction = match text(message, "from").unwrap() {
                "client" => Direction::Input,
                "app" => Direction::Output,
                other => panic!("from {other}"),
            };
            all.push(row(book, message, judge.judge(book, direction, shown)));
        }
    }
    // The app was recognised: that is not what is tried here.
    let known = u64::MAX;
    for request in list(table, "request") {
        let (method, target) = text(request, "line").unwrap().split_once(' ').unwrap();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let reopened = request.contains_key("reopened").then_some(Duration::from_secs(2));
        let head = RequestHead { method, path, query, reopened };
        let body = text(request, "body").unwrap_or_default().as_bytes();
        let judgement = match book.request(&head, known) {
            RequestJudgement::Decided(judgement) => judgement,
            RequestJudgement::NeedsBody(_) => book.request_body(&head, known, body, true),
        };
        all.push(row(book, request, judgement));
    }
    for event in list(table, "event") {
        let (path, name) = (text(event, "path").unwrap(), text(event, "event"));
        let data = text(event, "data").unwrap().as_bytes();
        let judgement = book.event(path, name.unwrap_or("message"), data, known);
        all.push(row(book, event, judgement));
    }
    all
}

fn row(book: &RuleBook, sample: &DeTable<'_>, judgement: Judgement) -> (String, String, String) {
    let name = |index: RuleIndex| book.rule(index).unwrap().id.to_string();
    let found = match judgement {
        Judgement::Activity(None) => ACTIVITY.to_owned(),
        Judgement::Activity(Some(index)) | Judgement::Ignored(index) => name(index),
        Judgement::Undecided => "undecided".to_owned(),
    };
    let shown = ["line", "path", "text", "hex", "body", "data"].map(|key| text(sample, key));
    let shown: Vec<&str> = shown.into_iter().flatten().collect();
    (shown.join("  "), text(sample, "is").unwrap().to_owned(), found)
}

fn bytes(message: &DeTable<'_>) -> (Opcode, Vec<u8>) {
    if let Some(text) = text(message, "text") {
        return (Opcode::Text, text.as_bytes().to_vec());
    }
    let digits = text(message, "hex").unwrap();
    assert!(digits.len().is_multiple_of(2), "{digits}");
    let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    (Opcode::Binary, (0..digits.len()).step_by(2).map(byte).collect())
}

fn list<'a>(table: &'a DeTable<'_>, key: &str) -> Vec<&'a DeTable<'a>> {
    let Some(DeValue::Array(items)) = table.get(key).map(|value| value.get_ref()) else {
        return Vec::new();
    };
    let item = |item: &'a DeValue<'_>| match item {
        DeValue::Table(table) => table,
        other => panic!("{key} has {other:?}"),
    };
    items.iter().map(|value| item(value.get_ref())).collect()
}

fn text<'a>(table: &'a DeTable<'_>, key: &str) -> Option<&'a str> {
    table.get(key).map(|value| match value.get_ref() {
        DeValue::String(text) => &**text,
        other => panic!("{key} is {other:?}"),
    })
}
