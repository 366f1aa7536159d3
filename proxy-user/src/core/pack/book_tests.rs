use std::path::Path;

use super::*;
use crate::core::frame::Opcode;
use crate::core::pack::{Context, Judgement, Message, RequestJudgement};
use crate::core::payload::Payload;

/// A framework with a rule of every kind.
const PACK: &str = r#"
name = "demo"
count = "input"
[[connection]]
path = '/ws$'
subprotocol = '^demo$'
[[recognise]]
path = '/demo-poll$'
[[message]]
id = "beat"
from = "both"
class = "heartbeat"
text = "3"
[[message]]
id = "hello"
from = "client"
class = "handshake"
starts = "hello"
within = "10s"
[[message]]
id = "again"
from = "client"
class = "reconnect"
unattended = true
regex = 'sync \d+'
[[message]]
id = "click"
from = "client"
class = "person"
starts = "hello click"
[[message]]
id = "answer"
from = "app"
class = "heartbeat"
hex = "0102"
[[request]]
id = "poll"
class = "poll"
method = ["GET"]
path = '/demo-poll$'
[[request]]
id = "tick"
class = "timer"
method = ["POST"]
path = '/update$'
json = { ids = { each = '.+\.tick' } }
max = 64
[[request]]
id = "quiet"
class = "ambient"
upgrade = true
path = '/quiet$'
[[event]]
id = "alive"
class = "heartbeat"
path = '/events$'
data = "ALIVE"
[heartbeat]
ask = "beat"
answer = "answer"
answer_hex = "0102"
"#;

fn book(auto: bool) -> RuleBook {
    let pack = crate::packs::parse(PACK, Path::new("demo.toml")).unwrap();
    RuleBook::new(vec![Arc::new(pack)], auto)
}

fn opening(path: &str, unattended: bool) -> Opening<'_> {
    let subprotocol = path.ends_with("/ws").then_some("demo");
    Opening { path, query: "", subprotocol, unattended }
}

fn said(book: &RuleBook, judgement: Judgement) -> String {
    let id = |index| book.rule(index).unwrap().id.to_string();
    match judgement {
        Judgement::Activity(None) => "activity".to_owned(),
        Judgement::Activity(Some(index)) => format!("activity by {}", id(index)),
        Judgement::Ignored(index) => format!("ignored by {}", id(index)),
        Judgement::Undecided => "undecided".to_owned(),
    }
}

/// A message, as far as received, that many seconds after its connection was opened.
fn text(bytes: &[u8], whole: bool, seconds: u64) -> (Payload<'_>, u64) {
    (if whole { Payload::whole(bytes) } else { Payload::head(bytes) }, seconds)
}

fn message<'a>(opcode: Opcode, (payload, age): &'a (Payload<'_>, u64)) -> Message<'a> {
    Message {
        opcode,
        payload,
        age: Duration::from_secs(*age),
        first: false,
        context: Context::default(),
    }
}

#[test]
fn messages_are_judged_by_the_rules_of_their_connection() {
    let book = book(false);
    let attended = book.connection(&opening("/ws", false));
    let unattended = book.connection(&opening("/ws", true));
    let judge = |connection: &Connection, shown: &(Payload<'_>, u64)| {
        said(&book, connection.input.judge(&book, &message(Opcode::Text, shown)))
    };
    assert_eq!(judge(&attended, &text(b"3", true, 99)), "ignored by beat");
    assert_eq!(judge(&attended, &text(b"3", false, 99)), "undecided");
    assert_eq!(judge(&attended, &text(b"33", false, 99)), "activity");
    assert_eq!(judge(&attended, &text(b"hello you", true, 3)), "ignored by hello");
    assert_eq!(judge(&attended, &text(b"hello you", true, 11)), "activity");
    assert_eq!(judge(&attended, &text(b"hello", false, 3)), "undecided", "may be a click");
    assert_eq!(judge(&attended, &text(b"hello clicks", false, 3)), "activity by click");
    assert_eq!(judge(&attended, &text(b"sync 7", true, 3)), "activity");
    assert_eq!(judge(&unattended, &text(b"sync 7", true, 3)), "ignored by again");
    let binary = |lane: &RuleSet, bytes| {
        said(&book, lane.judge(&book, &message(Opcode::Binary, &text(bytes, true, 0))))
    };
    assert_eq!(binary(&attended.input, b"3"), "activity");
    assert_eq!(binary(&attended.output, &[1, 2]), "ignored by answer");
    assert_eq!((attended.input.longest(), attended.output.longest()), (11, 2));
    assert_eq!(unattended.input.longest(), 256);
    let heartbeat = attended.heartbeat.unwrap();
    assert_eq!((&*heartbeat.payload, heartbeat.binary), (&[1, 2][..], true));
    assert_eq!(&*book.rule(heartbeat.ask).unwrap().id, "beat");
    assert_eq!(&*book.rule(heartbeat.answer).unwrap().id, "answer");
}

#[test]
fn other_connections_pay_nothing_and_follow_no_advice() {
    let book = book(false);
    let other = book.connection(&opening("/other", true));
    assert_eq!((other.input.longest(), other.output.longest(), other.packs), (0, 0, 0));
    assert!(other.counts_output && other.heartbeat.is_none());
    assert!(!book.connection(&opening("/ws", true)).counts_output);
}

#[test]
fn requests_need_the_app_to_be_recognised_if_packs_are_chosen_by_that() {
    let poll = RequestHead { method: "GET", path: "/x/demo-poll", query: "", reopened: None };
    let decided = |book: &RuleBook, recognised| match book.request(&poll, recognised) {
        RequestJudgement::Decided(judgement) => said(book, judgement),
        RequestJudgement::NeedsBody(bytes) => format!("needs {bytes}"),
    };
    assert_eq!(decided(&book(false), 0), "ignored by poll");
    let auto = book(true);
    assert_eq!(decided(&auto, 0), "activity");
    assert_eq!(auto.recognise_request(&poll), 1);
    assert_eq!(auto.recognise(&opening("/ws", false)), 1);
    assert_eq!(auto.recognise(&opening("/other", false)), 0);
    assert_eq!(decided(&auto, 1), "ignored by poll");
    assert_eq!(auto.pack_names(1).collect::<Vec<_>>(), ["demo"]);
}

#[test]
fn a_body_is_seen_where_a_rule_asks_for_it() {
    let book = book(false);
    let head = RequestHead { method: "POST", path: "/update", query: "", reopened: None };
    assert_eq!(book.request(&head, 0), RequestJudgement::NeedsBody(64));
    let body = |body: &[u8], whole| said(&book, book.request_body(&head, 0, body, whole));
    assert_eq!(body(br#"{"ids":["a.tick"]}"#, true), "ignored by tick");
    assert_eq!(body(br#"{"ids":["a.clicks"]}"#, true), "activity");
    assert_eq!(body(br#"{"ids":"#, false), "undecided");
    assert_eq!(body(&[b' '; 65], false), "activity");
    let other = RequestHead { method: "PUT", ..head };
    assert_eq!(book.request(&other, 0), RequestJudgement::Decided(Judgement::Activity(None)));
}

#[test]
fn a_handshake_that_a_page_repeats_is_no_visit() {
    let (always, auto) = (book(false), book(true));
    let upgrade = |book: &RuleBook, opening: &Opening<'_>, recognised| {
        said(book, book.upgrade(opening, recognised | book.recognise(opening)))
    };
    let before = Opening { subprotocol: None, ..opening("/ws", true) };
    assert_eq!(upgrade(&always, &before, 0), "ignored by reopened");
    assert_eq!(upgrade(&always, &opening("/ws", false), 0), "activity");
    assert_eq!(upgrade(&always, &opening("/other", true), 0), "activity");
    assert_eq!(upgrade(&auto, &before, 0), "activity", "its subprotocol is not known yet");
    assert_eq!(upgrade(&auto, &opening("/ws", true), 0), "ignored by reopened");
    assert_eq!(upgrade(&auto, &before, 1), "ignored by reopened");
    assert_eq!(upgrade(&always, &opening("/quiet", false), 0), "ignored by quiet");
}

#[test]
fn events_are_judged_by_path_and_data() {
    let book = book(false);
    assert_eq!((book.event_needs("/events", 0), book.event_needs("/other", 0)), (5, 0));
    let event = |data: &[u8]| said(&book, book.event("/events", "message", data, 0));
    assert_eq!(event(b"ALIVE"), "ignored by alive");
    assert_eq!(event(b"ALIVE!"), "activity");
}

#[test]
fn an_empty_book_says_that_all_is_activity() {
    let book = RuleBook::default();
    assert!(book.is_empty());
    let connection = book.connection(&opening("/ws", true));
    assert_eq!((connection.input.longest(), connection.counts_output), (0, true));
    assert_eq!(book.upgrade(&opening("/ws", true), u64::MAX), Judgement::Activity(None));
}

#[test]
fn rules_can_be_numbered_anew() {
    let mut book = book(false);
    let old: Vec<RuleIndex> = (0..).map(RuleIndex).take(book.rules().len()).collect();
    let id = |book: &RuleBook, index| book.rule(index).map(|rule| rule.id.clone());
    let ids: Vec<_> = old.iter().map(|index| id(&book, *index)).collect();
    // Twice, with gaps: what matters is the order of the rules, not the earlier numbers.
    for step in [7, 3] {
        let new: Vec<RuleIndex> = old.iter().rev().map(|old| RuleIndex(step * old.0 + 1)).collect();
        book.renumber(&new);
        assert_eq!(new.iter().map(|index| id(&book, *index)).collect::<Vec<_>>(), ids);
    }
    assert_eq!(book.rule(RuleIndex(0)), None);
    let connection = book.connection(&opening("/ws", false));
    let judgement = connection.input.judge(&book, &message(Opcode::Text, &text(b"3", true, 99)));
    assert_eq!(said(&book, judgement), "ignored by beat");
    let heartbeat = connection.heartbeat.unwrap();
    assert_eq!(&*book.rule(heartbeat.ask).unwrap().id, "beat");
    assert_eq!(&*book.rule(heartbeat.answer).unwrap().id, "answer");
    let event = book.event("/events", "message", b"ALIVE", 0);
    assert_eq!(said(&book, event), "ignored by alive");
}
