//! What an address of `redirect` answers.

use std::net::SocketAddr;

use crate::files::{any, redirect_address, redirecting};
use crate::harness::app::App;
use crate::harness::http::{Message, request};
use crate::harness::proxy::Proxy;
use crate::harness::setup::Setup;
use crate::harness::wait::eventually;
use crate::harness::wire::{End, Wire};

/// The app is never asked.
fn start(more: &str) -> (App, Proxy, SocketAddr) {
    let app = App::listen();
    let setup = Setup::demo(app.address()).section(&redirecting(&[any()])).section(more);
    let proxy = setup.start();
    let address = redirect_address(&proxy);
    (app, proxy, address)
}

/// The answer to these bytes, after which the connection ends.
fn answer(address: SocketAddr, method: &str, bytes: impl AsRef<[u8]>) -> Message {
    let mut wire = Wire::connect(address);
    wire.send(bytes);
    let answer = Message::read_response(&mut wire, method);
    assert_eq!(wire.rest(), (Vec::new(), End::Fin), "one request for each connection");
    answer
}

#[test]
fn each_answer_has_a_line_in_the_access_log() {
    let (_app, proxy, address) = start("[log]\naccess = \"text\"");
    answer(address, "GET", request("GET", "demo.test", "/page?token=s3cret", ""));
    let line = eventually("a line", || proxy.output().pop());
    for part in ["127.0.0.1 - - [", "\"GET /page HTTP/1.1\" 308 ", " reason=https "] {
        assert!(line.contains(part), "{line}");
    }
}

#[test]
fn every_request_is_sent_to_the_same_url_with_https() {
    let (app, proxy, address) = start("");
    let port = proxy.address().port();
    let host = format!("demo.test:{}", address.port());
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    for (method, target, fields, seen) in [
        ("GET", "/", "", "/"),
        ("GET", "/a/b?c=d&e=%2F%20", "", "/a/b?c=d&e=%2F%20"),
        ("GET", "//elsewhere.test/x", "", "//elsewhere.test/x"),
        ("HEAD", "/head", "", "/head"),
        ("POST", "/form", "Content-Length: 5\r\n", "/form"),
        ("GET", "/socket", upgrade, "/socket"),
        ("OPTIONS", "*", "", "/"),
        ("GET", "http://demo.test/absolute?x", "Connection: keep-alive\r\n", "/absolute?x"),
    ] {
        let mut bytes = request(method, &host, target, fields);
        if method == "POST" {
            bytes.push_str("a=b&c");
        }
        let answer = answer(address, method, bytes);
        assert_eq!(answer.assert_own(308), "https", "{method} {target}");
        // An absolute target says its host itself, here without a port.
        let port = if target.starts_with("http") { String::new() } else { format!(":{port}") };
        let expected = format!("https://demo.test{port}{seen}");
        assert_eq!(answer.head.get("location"), Some(&*expected), "{method} {target}");
        assert_eq!(answer.head.get("cache-control"), Some("no-store"));
    }
    assert!(app.accept_within(std::time::Duration::from_millis(100)).is_none());
}

/// As behind a Kubernetes Service, or a container's published port.
#[test]
fn where_ports_are_translated_the_usual_one_is_named() {
    let (_app, _proxy, address) = start("");
    for host in ["demo.test", "demo.test:80"] {
        let answer = answer(address, "GET", request("GET", host, "/x", ""));
        assert_eq!(answer.head.get("location"), Some("https://demo.test/x"), "{host}");
    }
}

#[test]
fn a_request_without_a_usable_host_is_refused() {
    let (_app, _proxy, address) = start("");
    for bytes in [
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: \r\n\r\n",
        "GET / HTTP/1.1\r\nHost: :80\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a.test\r\nHost: b.test\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: user@a.test\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a.test/x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a.test:port\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
        "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test\r\n\r\n",
    ] {
        let answer = answer(address, "GET", bytes);
        assert_eq!(answer.assert_own(400), "bad-request", "{bytes:?}");
        assert_eq!(answer.head.get("location"), None);
    }
    // Not HTTP at all: a handshake of TLS.
    let answer = answer(address, "GET", b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00\r\n\r\n");
    assert_eq!(answer.assert_own(400), "bad-request");
}

#[test]
fn heads_are_bounded_in_size_and_time() {
    let limits = "[limits]\nheader_bytes = \"8KiB\"\nheader_timeout = \"1s\"";
    let (_app, _proxy, address) = start(limits);
    let long = format!("X-Long: {}\r\n", "x".repeat(20_000));
    let mut wire = Wire::connect(address);
    // It may refuse before it has read everything.
    let _ = wire.try_send(request("GET", "demo.test", "/", &long));
    Message::read_response(&mut wire, "GET").assert_own(431);
    let mut wire = Wire::connect(address);
    wire.send("GET / HTTP/1.1\r\nHost: dem");
    let (answer, _) = wire.rest();
    assert!(!answer.starts_with(b"HTTP/1.1 308"), "{}", String::from_utf8_lossy(&answer));
}
