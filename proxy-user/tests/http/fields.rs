//! Header fields: what is between two hops stays there, everything else passes unchanged.

use crate::harness::app::HttpApp;
use crate::harness::http::{Message, request};
use crate::harness::setup::Setup;

/// RFC 9110 section 7.6.1: fields of one hop, and those that `Connection` names.
#[test]
fn hop_by_hop_fields_of_a_request_stop_at_the_proxy() {
    let app = HttpApp::named("app");
    let proxy = Setup::demo(app.address()).start();
    let mut wire = proxy.connect();
    let fields = "Connection: X-Secret, keep-alive\r\nConnection: x-other\r\nX-Secret: 1\r\n\
                  X-Other: 2\r\nKeep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\n\
                  TE: gzip\r\nX-Kept: yes\r\n";
    wire.send(request("GET", "a.test", "/", fields));
    assert_eq!(Message::read_response(&mut wire, "GET").status(), 200);
    let head = app.last().head;
    for name in ["x-secret", "x-other", "keep-alive", "proxy-connection", "te"] {
        assert_eq!(head.get(name), None, "{name} reached the app: {head:?}");
    }
    assert!(!head.tokens("connection").contains(&"x-secret".to_owned()), "{head:?}");
    assert_eq!(head.get("x-kept"), Some("yes"));
}

#[test]
fn hop_by_hop_fields_of_an_answer_stop_at_the_proxy() {
    let app = HttpApp::start(|_| {
        b"HTTP/1.1 200 OK\r\nConnection: X-Secret\r\nX-Secret: 1\r\nKeep-Alive: timeout=5\r\n\
          Proxy-Connection: close\r\nX-Kept: yes\r\nContent-Length: 0\r\n\r\n"
            .to_vec()
    });
    let proxy = Setup::demo(app.address()).start();
    let head = proxy.get("a.test", "/").head;
    for name in ["x-secret", "keep-alive", "proxy-connection"] {
        assert_eq!(head.get(name), None, "{name} reached the client: {head:?}");
    }
    assert_eq!(head.get("x-kept"), Some("yes"));
}

/// Only WebSockets are tunnelled: any other `Upgrade` is this hop's own affair and declined.
#[test]
fn an_upgrade_to_another_protocol_is_not_passed_on() {
    let app = HttpApp::named("plain");
    let proxy = Setup::demo(app.address()).start();
    let mut wire = proxy.connect();
    let fields =
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n";
    wire.send(request("GET", "a.test", "/", fields));
    assert_eq!(Message::read_response(&mut wire, "GET").text(), "plain");
    let head = app.last().head;
    assert_eq!((head.get("upgrade"), head.get("http2-settings")), (None, None), "{head:?}");
}

#[test]
fn repeated_fields_keep_their_number_and_order() {
    let app = HttpApp::start(|_| {
        b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1; Path=/\r\nSet-Cookie: b=2\r\nSet-Cookie: c=3\r\n\
          Date: Sat, 31 Jan 2026 12:00:00 GMT\r\nServer: app/1\r\nContent-Length: 0\r\n\r\n"
            .to_vec()
    });
    let proxy = Setup::demo(app.address()).start();
    let mut wire = proxy.connect();
    wire.send(request("GET", "a.test", "/", "X-Many: 1\r\nCookie: k=v\r\nX-Many: 2\r\n"));
    let head = Message::read_response(&mut wire, "GET").head;
    assert_eq!(head.all("set-cookie"), ["a=1; Path=/", "b=2", "c=3"]);
    assert_eq!(head.all("date"), ["Sat, 31 Jan 2026 12:00:00 GMT"], "the app's date is kept");
    assert_eq!(head.all("server"), ["app/1"]);
    let asked = app.last().head;
    assert_eq!((asked.all("x-many"), asked.all("cookie")), (vec!["1", "2"], vec!["k=v"]));
}

#[test]
fn field_values_outside_ascii_pass_unchanged() {
    let app = HttpApp::start(|_| {
        b"HTTP/1.1 200 OK\r\nX-Name: J\xfcrgen\r\nContent-Length: 0\r\n\r\n".to_vec()
    });
    let proxy = Setup::demo(app.address()).start();
    let mut wire = proxy.connect();
    wire.send(b"GET / HTTP/1.1\r\nHost: a.test\r\nX-Name: Ren\xe9e\r\n\r\n");
    assert_eq!(Message::read_response(&mut wire, "GET").head.get("x-name"), Some("J\u{fc}rgen"));
    assert_eq!(app.last().head.get("x-name"), Some("Ren\u{e9}e"));
}

#[test]
fn the_app_s_own_answers_carry_no_reason_of_the_proxy() {
    let app = HttpApp::start(|_| b"HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy".to_vec());
    let proxy = Setup::demo(app.address()).start();
    let answer = proxy.get("a.test", "/");
    assert_eq!((answer.status(), answer.text()), (503, "busy"));
    assert_eq!(answer.head.get("x-ebbtide-reason"), None);
}

/// RFC 9110 section 15.5.22: a 426 says to what.
#[test]
fn a_426_keeps_the_protocol_that_it_asks_for() {
    let app = HttpApp::start(|request| match request.head.target() {
        "/other" => b"HTTP/1.1 200 OK\r\nUpgrade: h2c\r\nContent-Length: 0\r\n\r\n".to_vec(),
        _ => b"HTTP/1.1 426 Upgrade Required\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
              Content-Length: 0\r\n\r\n"
            .to_vec(),
    });
    let proxy = Setup::demo(app.address()).start();
    let mut wire = proxy.connect();
    wire.send(request("GET", "a.test", "/socket", ""));
    let head = Message::read_response(&mut wire, "GET").head;
    assert_eq!((head.status(), head.get("upgrade")), (426, Some("websocket")));
    assert_eq!(head.tokens("connection"), ["upgrade"]);
    wire.send(request("GET", "a.test", "/other", ""));
    assert_eq!(Message::read_response(&mut wire, "GET").head.get("upgrade"), None);
}
