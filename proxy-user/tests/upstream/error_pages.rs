//! Ebbtide's own errors are pages for people, and a line of text for everything else.

use std::net::TcpListener;

use crate::harness::app::{App, HttpApp};
use crate::harness::http::{Message, request};
use crate::harness::proxy::Proxy;
use crate::harness::session::upgrade;
use crate::harness::setup::Setup;

const TYPED: &str = "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\nSec-Fetch-Site: none\r\n\
                     Accept: text/html,*/*;q=0.8\r\n";
const OLD_BROWSER: &str = "Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\n";
const FETCH: &str = "Sec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\nAccept: text/html\r\n";
const SCRIPT: &str = "Sec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: script\r\nAccept: */*\r\n";
const PROGRAM: &str = "Accept: */*\r\n";

fn ask(proxy: &Proxy, target: &str, fields: &str) -> Message {
    let mut wire = proxy.connect();
    wire.send(request("GET", "a.test", target, fields));
    Message::read_response(&mut wire, "GET")
}

fn assert_page(answer: &Message, status: u16, reason: &str, says: &str) {
    assert_eq!(answer.assert_own(status), reason);
    assert_eq!(answer.head.get("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(answer.head.get("cache-control"), Some("no-store"));
    let policy = answer.head.get("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    let page = answer.text();
    assert!(page.starts_with("<!doctype html>") && page.trim_end().ends_with("</html>"), "{page}");
    assert!(page.contains(says) && page.contains(&format!("{status} · {reason}")), "{page}");
    assert!(page.contains("prefers-color-scheme: dark") && !page.contains("<script"), "{page}");
}

fn assert_text(answer: &Message, status: u16, reason: &str, says: &str) {
    assert_eq!(answer.assert_own(status), reason);
    assert_eq!(answer.head.get("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(answer.text(), format!("{says}\n"));
    for absent in ["cache-control", "content-security-policy", "referrer-policy"] {
        assert_eq!(answer.head.get(absent), None, "{absent}");
    }
}

#[test]
fn people_get_pages_and_programs_get_text() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let broken = App::listen().serve(|mut wire| wire.more("a request"));
    let proxy = Setup::new()
        .app("closed", closed, "path = \"/closed\"")
        .app("broken", broken.address, "path = \"/broken\"")
        .start();
    for (target, status, reason, says) in [
        ("/other", 404, "no-app", "No app for this host and path."),
        ("/closed", 502, "app-unreachable", "The app does not accept connections."),
        ("/broken", 502, "app-broken", "The app closed the connection before it answered."),
    ] {
        for fields in [TYPED, OLD_BROWSER] {
            assert_page(&ask(&proxy, target, fields), status, reason, says);
        }
        for fields in [FETCH, SCRIPT, PROGRAM, ""] {
            assert_text(&ask(&proxy, target, fields), status, reason, says);
        }
    }
}

/// What the app itself says is never replaced, nor are answers with another meaning.
#[test]
fn only_ebbtide_s_own_errors_are_pages() {
    let app = HttpApp::start(|_| {
        b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nmine"
            .to_vec()
    });
    let own = "[[app.answer]]\npath = \"^/healthz$\"\nstatus = 503\nbody = \"down\"";
    let proxy = Setup::new().app("demo", app.address(), own).start();
    assert_eq!(ask(&proxy, "/", TYPED).text(), "mine");
    assert_eq!(ask(&proxy, "/healthz", TYPED).text(), "down");
    let mut wire = proxy.connect();
    wire.send(format!("GET / HTTP/1.1\r\nHost: a b\r\n{TYPED}\r\n"));
    let answer = Message::read_response(&mut wire, "GET");
    assert_eq!(answer.assert_own(400), "bad-request");
    assert_eq!(answer.head.get("content-type"), Some("text/plain; charset=utf-8"));
}

#[test]
fn a_handshake_gets_text() {
    let proxy = Setup::new().app("demo", ([127, 0, 0, 1], 1).into(), "path = \"/x\"").start();
    let mut wire = proxy.connect();
    wire.send(upgrade("a.test", "/", "Sec-Fetch-Mode: websocket\r\nSec-Fetch-Dest: empty\r\n"));
    let answer = Message::read_response(&mut wire, "GET");
    assert_text(&answer, 404, "no-app", "No app for this host and path.");
}
