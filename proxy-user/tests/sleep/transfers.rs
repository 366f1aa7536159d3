//! Requests that take longer than an app may be idle.

use std::time::Duration;

use crate::harness::http::{Head, Message, request};
use crate::harness::proxy::Proxy;
use crate::harness::wait::pause;
use crate::harness::wire::Wire;
use crate::scene::{Notes, await_state, demo, get, setup};

/// What the app's slow answers have, ten a second.
const PIECES: usize = 60;

/// What a page's own script sends.
const SCRIPT: &str = "Sec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\n";

/// Counts nothing of what the app sends by itself.
fn start(notes: &Notes) -> Proxy {
    setup(&notes.command(0.0), "idle_after = \"2s\"\ncount = \"input\"", "").start()
}

/// Asks, and reads the head of the answer.
fn ask(proxy: &Proxy, target: &str, fields: &str) -> Wire {
    let mut wire = proxy.connect();
    wire.send(request("GET", "a.test", target, fields));
    assert_eq!(Head::read(&mut wire).status(), 200);
    wire
}

#[test]
fn a_slow_download_is_finished_first() {
    let notes = Notes::new();
    let proxy = start(&notes);
    for (target, fields) in [("/slow", SCRIPT), ("/export", "")] {
        let answer = get(&proxy, target, fields);
        assert_eq!((answer.status(), answer.body.len()), (200, PIECES), "{target}");
        assert_eq!(demo(&proxy)["last_activity"]["path"], target, "{}", demo(&proxy));
    }
    assert_eq!(notes.starts(), 1);
    await_state(&proxy, "suspended");
}

#[test]
fn a_slow_upload_is_finished_first() {
    let notes = Notes::new();
    let proxy = start(&notes);
    let mut wire = proxy.connect();
    let length = format!("Content-Length: {PIECES}\r\n");
    wire.send(request("POST", "a.test", "/upload", &length));
    for _ in 0..PIECES {
        wire.send("x");
        pause(Duration::from_millis(100));
    }
    assert_eq!(Message::read_response(&mut wire, "POST").status(), 200);
    assert_eq!(notes.starts(), 1);
    await_state(&proxy, "suspended");
}

#[test]
fn what_stands_still_or_is_no_answer_to_a_person_keeps_nothing_awake() {
    for (target, fields) in
        [("/stalled", ""), ("/events", "Accept: text/event-stream\r\n"), ("/stream", SCRIPT)]
    {
        let notes = Notes::new();
        let proxy = start(&notes);
        let wire = ask(&proxy, target, fields);
        await_state(&proxy, "suspended");
        assert_eq!(notes.starts(), 1);
        drop(wire);
    }
}
