//! An app that is suspended: who may not use it does not wake it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use serde_json::Value;

use crate::harness::app::HttpApp;
use crate::harness::http::Message;
use crate::harness::proxy::Proxy;
use crate::harness::scratch::Scratch;
use crate::harness::session::upgrade;
use crate::harness::setup::Setup;
use crate::harness::wait::started;
use crate::scene::{answer, ask, asks};

const APP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sleep/app.py");

const OPENS: &str = "Accept: text/html\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n\
                     Sec-Fetch-Site: none\r\nSec-Fetch-User: ?1\r\n";

fn setup(notes: &Path, packs: &str, access: &str) -> Setup {
    let command = ["python3", APP, "{port}", notes.to_str().unwrap(), "0"];
    Setup::new().section(&format!(
        "[[app]]\nname = \"demo\"\npacks = [{packs:?}]\n[app.access]\n{access}\n\
         [app.driver]\nkind = \"process\"\ncommand = {command:?}\n"
    ))
}

fn state(proxy: &Proxy) -> Value {
    serde_json::from_slice::<Value>(&proxy.admin("/api/apps/demo", "").body).unwrap()["state"]
        .clone()
}

#[test]
fn who_may_not_use_it_does_not_wake_it() {
    let notes = Scratch::new();
    let allowed = Arc::new(AtomicBool::new(false));
    let now = Arc::clone(&allowed);
    let auth = HttpApp::start(move |_| match now.load(Relaxed) {
        true => answer("200 OK\r\nSet-Cookie: s=1\r\n", ""),
        false => answer("401 Unauthorized\r\n", ""),
    });
    let proxy = setup(notes.path(), "streamlit", &asks(auth.address())).start();
    let starts = || {
        std::fs::read_to_string(notes.path().join("started")).unwrap_or_default().lines().count()
    };
    for (method, target, fields) in [
        ("GET", "/", OPENS),
        ("GET", "/data", ""),
        ("POST", "/upload", ""),
        ("GET", "/.ebbtide/wait", OPENS),
        ("GET", "/.ebbtide/wait", "Accept: text/event-stream\r\nSec-Fetch-Site: same-origin\r\n"),
        ("OPTIONS", "/", ""),
    ] {
        assert_eq!(ask(&proxy, method, target, fields).status(), 401, "{method} {target}");
    }
    assert_eq!(state(&proxy), "suspended");
    assert_eq!((starts(), auth.requests().len()), (0, 6));
    // A poll is told that the app is paused, whoever sends it; the service need not be asked.
    let poll = ask(&proxy, "GET", "/_stcore/health", "");
    assert_eq!(poll.assert_own(503), "app-suspended");
    let again = "Origin: http://a.test\r\nSec-Fetch-Site: same-origin\r\n";
    let mut wire = proxy.connect();
    wire.send(upgrade("a.test", "/_stcore/stream", again));
    assert_eq!(Message::read_response(&mut wire, "GET").assert_own(503), "app-suspended");
    assert_eq!((starts(), auth.requests().len()), (0, 6));
    // Whoever may use it wakes it, and gets the service's cookie with the waiting page.
    allowed.store(true, Relaxed);
    let page = ask(&proxy, "GET", "/", OPENS);
    assert_eq!(page.assert_own(503), "app-starting");
    assert_eq!(page.head.get("set-cookie"), Some("s=1"));
    started("it runs", || (state(&proxy) == "running").then_some(()));
    assert_eq!(ask(&proxy, "GET", "/", OPENS).status(), 200);
    assert_eq!(starts(), 1);
}

/// A visit counts as one only when somebody was let in: otherwise a stranger could make the reconnect of a tab
/// look like a person's.
#[test]
fn a_refused_visit_is_no_visit() {
    let notes = Scratch::new();
    let auth = HttpApp::start(|_| answer("403 Forbidden\r\n", ""));
    let proxy = setup(notes.path(), "streamlit", &asks(auth.address())).start();
    for _ in 0..3 {
        assert_eq!(ask(&proxy, "GET", "/", OPENS).status(), 403);
        let reload = OPENS.replace("none", "same-origin");
        let reload = format!("{reload}Referer: http://a.test/\r\n");
        assert_eq!(ask(&proxy, "GET", "/", &reload).status(), 403);
    }
    assert_eq!(state(&proxy), "suspended");
    assert_eq!(proxy.metrics().count("ebbtide_wakes_total", &[]), 0);
}

#[test]
fn a_refused_handshake_does_not_wake_it() {
    let notes = Scratch::new();
    let proxy = setup(notes.path(), "auto", "allow = \"10.0.0.0/8\"").start();
    let mut wire = proxy.connect();
    wire.send(upgrade("a.test", "/socket", ""));
    assert_eq!(Message::read_response(&mut wire, "GET").assert_own(403), "not-allowed");
    assert_eq!(state(&proxy), "suspended");
    assert_eq!(proxy.metrics().count("ebbtide_wakes_total", &[]), 0);
}
