//! `allow`: client addresses.

use crate::harness::app::{App, HttpApp};
use crate::harness::http::Message;
use crate::harness::session::upgrade;
use crate::harness::wire::Wire;
use crate::scene::{get, setup};

const TRUSTED: &str = "trusted_proxies = [\"127.0.0.0/8\"]";

#[test]
fn only_allowed_addresses_pass() {
    let app = HttpApp::named("app");
    for (allow, status) in [
        ("[\"127.0.0.0/8\"]", 200),
        ("\"127.0.0.1\"", 200),
        ("[\"10.0.0.0/8\", \"::ffff:127.0.0.0/104\"]", 200),
        ("[\"10.0.0.0/8\"]", 403),
        ("[\"::/0\"]", 403),
        ("\"off\"", 200),
    ] {
        let proxy = setup(app.address(), &format!("allow = {allow}")).start();
        // What a stranger claims does not matter.
        let answer = get(&proxy, "X-Forwarded-For: 10.0.0.1\r\n");
        assert_eq!(answer.status(), status, "{allow}: {answer:?}");
        if status == 403 {
            assert_eq!(answer.assert_own(403), "not-allowed");
            let reason = [("app", "demo"), ("reason", "not-allowed")];
            assert_eq!(proxy.metrics().count("ebbtide_refused_total", &reason), 1);
        }
    }
}

#[test]
fn both_families_are_known_on_one_socket() {
    let app = HttpApp::named("app");
    let start = |allow: &str| setup(app.address(), allow).listen("[::]:0").start();
    let ask = |allow: &str, from: &str| {
        let proxy = start(allow);
        let mut wire = Wire::connect(format!("{from}:{}", proxy.address().port()).parse().unwrap());
        wire.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
        Message::read_response(&mut wire, "GET").status()
    };
    assert_eq!(ask("allow = \"127.0.0.0/8\"", "127.0.0.1"), 200);
    assert_eq!(ask("allow = \"127.0.0.0/8\"", "[::1]"), 403);
    assert_eq!(ask("allow = \"::1\"", "[::1]"), 200);
    assert_eq!(ask("allow = \"::1\"", "127.0.0.1"), 403);
}

#[test]
fn behind_trusted_proxies_the_client_is_who_they_name() {
    let app = HttpApp::named("app");
    let proxy = setup(app.address(), "allow = \"10.0.0.0/8\"").key(TRUSTED).start();
    for (claimed, status) in [
        ("10.0.0.1", 200),
        ("203.0.113.9, 10.0.0.1", 200),
        ("10.0.0.1, 127.0.0.2", 200),
        ("10.0.0.1:4711", 200),
        ("::ffff:10.0.0.1", 200),
        ("203.0.113.9", 403),
        // A client's own claim stands to the left of what its proxy has seen.
        ("10.0.0.1, 203.0.113.9", 403),
        ("10.0.0.1\r\nX-Forwarded-For: 203.0.113.9", 403),
        ("203.0.113.9\r\nX-Forwarded-For: 10.0.0.1", 200),
        ("10.0.0.1, unknown", 403),
        ("10.0.0.1, \u{e9}", 403),
        ("10.0.0.1, 203.0.113.9, 127.0.0.2", 403),
        ("", 403),
    ] {
        let answer = get(&proxy, &format!("X-Forwarded-For: {claimed}\r\n"));
        assert_eq!(answer.status(), status, "{claimed:?}");
    }
    assert_eq!(get(&proxy, "X_Forwarded_For: 10.0.0.1\r\n").status(), 403);
}

#[test]
fn a_handshake_is_refused_like_a_request() {
    let app = App::listen();
    let proxy = setup(app.address(), "allow = \"10.0.0.0/8\"").start();
    let mut wire = proxy.connect();
    wire.send(upgrade("a.test", "/socket", ""));
    assert_eq!(Message::read_response(&mut wire, "GET").assert_own(403), "not-allowed");
}
