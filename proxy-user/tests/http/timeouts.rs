//! How long a connection may be silent, and when.

use std::time::Duration;

use crate::harness::app::{App, HttpApp};
use crate::harness::http::{Head, Message, chunk, ok, read_chunk, request};
use crate::harness::proxy::Proxy;
use crate::harness::setup::Setup;
use crate::harness::wait::pause;

/// More than twice the time that a head has below.
const LONG: Duration = Duration::from_millis(2500);

fn proxy(app: std::net::SocketAddr) -> Proxy {
    Setup::demo(app).section("[limits]\nheader_timeout = \"1s\"").start()
}

/// A load balancer keeps its connections for longer than a head may take.
#[test]
fn a_kept_alive_connection_is_usable_after_idleness() {
    let app = HttpApp::named("app");
    let proxy = proxy(app.address());
    let mut wire = proxy.connect();
    for _ in 0..2 {
        wire.send(request("GET", "a.test", "/", ""));
        assert_eq!(Message::read_response(&mut wire, "GET").text(), "app");
        pause(LONG);
    }
    wire.send(request("POST", "a.test", "/", "Content-Length: 2\r\n") + "ab");
    assert_eq!(Message::read_response(&mut wire, "POST").text(), "app");
}

#[test]
fn a_later_head_must_end_in_time_too() {
    let app = HttpApp::named("app");
    let proxy = proxy(app.address());
    let mut wire = proxy.connect();
    wire.send(request("GET", "a.test", "/", ""));
    assert_eq!(Message::read_response(&mut wire, "GET").text(), "app");
    wire.send("GET / HTTP/1.1\r\nHost: a.te");
    wire.end();
    assert_eq!(app.requests().len(), 1);
}

#[test]
fn a_connection_that_says_nothing_is_ended() {
    let app = HttpApp::named("app");
    proxy(app.address()).connect().end();
}

#[test]
fn a_head_that_comes_slowly_but_in_time_is_served() {
    let app = HttpApp::named("app");
    let proxy = proxy(app.address());
    let mut wire = proxy.connect();
    pause(Duration::from_millis(100));
    let text = request("GET", "a.test", "/", "");
    let (first, second) = text.split_at(text.len() / 2);
    wire.send(first);
    pause(Duration::from_millis(100));
    wire.send(second);
    assert_eq!(Message::read_response(&mut wire, "GET").text(), "app");
}

#[test]
fn a_long_poll_and_a_silent_event_stream_are_let_be() {
    let app = App::listen();
    let proxy = proxy(app.address());
    let mut client = proxy.connect();
    client.send(request("POST", "a.test", "/poll", "Content-Length: 2\r\n") + "ab");
    let mut server = app.accept();
    assert_eq!(Message::read_request(&mut server).text(), "ab");
    pause(LONG);
    server.send(ok("at last"));
    assert_eq!(Message::read_response(&mut client, "POST").text(), "at last");

    client.send(request("GET", "a.test", "/events", ""));
    Head::read(&mut server);
    let fields = "Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n";
    server.send(format!("HTTP/1.1 200 OK\r\n{fields}\r\n"));
    Head::read(&mut client);
    for event in ["data: one\n\n", "data: two\n\n"] {
        pause(LONG);
        server.send(chunk(event));
        assert_eq!(read_chunk(&mut client).as_deref(), Some(event.as_bytes()));
    }
}

#[test]
fn the_admin_address_waits_for_heads_no_longer_than_others_do() {
    let app = HttpApp::named("app");
    let proxy = proxy(app.address());
    let mut wire = proxy.connect_admin();
    wire.send("GET /healthz HTTP/1.1\r\nHost: a");
    wire.end();
    assert_eq!(proxy.admin("/healthz", "").status(), 200);
}
