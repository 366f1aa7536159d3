//! What the proxy answers by itself, always with `X-Ebbtide-Reason`.

use std::net::TcpListener;

use crate::harness::app::{App, HttpApp};
use crate::harness::http::{Head, Message, request};
use crate::harness::setup::Setup;

#[test]
fn an_app_that_refuses_connections_is_a_502() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = closed.local_addr().unwrap();
    drop(closed);
    let proxy = Setup::demo(address).start();
    let mut wire = proxy.connect();
    for _ in 0..2 {
        wire.send(request("GET", "a.test", "/", ""));
        Message::read_response(&mut wire, "GET").assert_own(502);
    }
}

#[test]
fn an_app_that_breaks_before_it_answers_is_a_502() {
    let app = App::listen();
    let proxy = Setup::demo(app.address()).start();
    for broken in ["", "HTTP/1.1 200 OK\r\nX-Half: ", "220 smtp.test ESMTP\r\n\r\n"] {
        let mut client = proxy.connect();
        client.send(request("POST", "a.test", "/", "Content-Length: 0\r\n"));
        let mut server = app.accept();
        Head::read(&mut server);
        server.send(broken);
        drop(server);
        let answer = Message::read_response(&mut client, "POST");
        assert_eq!(answer.status(), 502, "after {broken:?}");
        answer.assert_own(502);
    }
}

#[test]
fn a_header_over_the_limit_is_a_431() {
    let app = HttpApp::named("app");
    let proxy = Setup::demo(app.address()).section("[limits]\nheader_bytes = \"16KiB\"").start();
    let padded = |length: usize| format!("X-Pad: {}\r\n", "p".repeat(length));
    let mut wire = proxy.connect();
    wire.send(request("GET", "a.test", "/", &padded(8 * 1024)));
    assert_eq!(Message::read_response(&mut wire, "GET").text(), "app");
    let mut wire = proxy.connect();
    wire.send(request("GET", "a.test", "/", &padded(17 * 1024)));
    Message::read_response(&mut wire, "GET").assert_own(431);
    assert_eq!(app.requests().len(), 1);
}

/// The default is 64 KiB: cookies of real frameworks are long.
#[test]
fn a_header_under_the_default_limit_passes() {
    let app = HttpApp::named("app");
    let proxy = Setup::demo(app.address()).start();
    let mut wire = proxy.connect();
    wire.send(request("GET", "a.test", "/", &format!("Cookie: c={}\r\n", "x".repeat(60 * 1024))));
    assert_eq!(Message::read_response(&mut wire, "GET").text(), "app");
    assert_eq!(app.last().head.get("cookie").map(str::len), Some(2 + 60 * 1024));
}

#[test]
fn a_header_that_never_ends_loses_its_connection() {
    let app = HttpApp::named("app");
    let proxy = Setup::demo(app.address()).section("[limits]\nheader_timeout = \"1s\"").start();
    let mut wire = proxy.connect();
    wire.send("GET / HTTP/1.1\r\nHost: a.test\r\nX-Slow: ");
    let (bytes, _) = wire.rest();
    let answer = String::from_utf8_lossy(&bytes);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert_eq!(app.requests().len(), 0);
}

/// RFC 9112 section 3.2: exactly one `Host`, and a valid one.
#[test]
fn a_host_that_is_missing_doubled_or_no_host_is_a_400() {
    let app = HttpApp::named("app");
    let proxy = Setup::demo(app.address()).start();
    for fields in [
        "",
        "Host: a.test\r\nHost: b.test\r\n",
        "Host: a.test\r\nHost: a.test\r\n",
        "Host: a.test, b.test\r\n",
        "Host: a.test/x\r\n",
        "Host: a@b.test\r\n",
    ] {
        let mut wire = proxy.connect();
        wire.send(format!("GET / HTTP/1.1\r\n{fields}\r\n"));
        let answer = Message::read_response(&mut wire, "GET");
        assert_eq!(answer.status(), 400, "{fields:?}: {answer:?}");
        answer.assert_own(400);
    }
    assert_eq!(app.requests().len(), 0);
}

#[test]
fn bytes_that_are_no_http_are_refused_and_the_proxy_lives_on() {
    let app = HttpApp::named("app");
    let proxy = Setup::demo(app.address()).start();
    for junk in
        [&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], b"\0\0\0\0\r\n\r\n", b"GET\r\n\r\n"]
    {
        let mut wire = proxy.connect();
        let _ = wire.try_send(junk);
        wire.half_close();
        let (bytes, _) = wire.rest();
        let answer = String::from_utf8_lossy(&bytes);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400 "), "{junk:?}: {answer}");
    }
    assert_eq!(app.requests().len(), 0);
    assert_eq!(proxy.get("a.test", "/").text(), "app");
}

/// The contract counts whole requests by app and code, the proxy's own answers too.
#[test]
fn requests_are_counted_by_code() {
    let app = HttpApp::start(|request| match request.head.target() {
        "/missing" => b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec(),
        _ => crate::harness::http::ok("fine"),
    });
    let proxy = Setup::demo(app.address()).start();
    for target in ["/", "/", "/missing"] {
        proxy.get("a.test", target);
    }
    let count = |code| {
        let labels = [("app", "demo"), ("code", code)];
        proxy.metrics().count("ebbtide_http_requests_total", &labels)
    };
    assert_eq!((count("200"), count("404")), (2, 1));
}
