//! Several requests on one connection, and what ends it.

use crate::harness::app::{App, HttpApp};
use crate::harness::http::{Head, Message, ok, request};
use crate::harness::setup::Setup;
use crate::harness::wait::eventually;
use crate::harness::wire::End;

/// Answers with the target that was asked for.
fn echo_target() -> HttpApp {
    HttpApp::start(|request| ok(request.head.target()))
}

#[test]
fn two_requests_share_a_connection() {
    let app = echo_target();
    let proxy = Setup::demo(app.address()).start();
    let mut wire = proxy.connect();
    for target in ["/1", "/2"] {
        wire.send(request("GET", "a.test", target, ""));
        assert_eq!(Message::read_response(&mut wire, "GET").text(), target);
    }
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let app = echo_target();
    let proxy = Setup::demo(app.address()).start();
    let mut wire = proxy.connect();
    let targets = ["/1", "/2", "/3", "/4"];
    let all: String = targets.map(|target| request("GET", "a.test", target, "")).concat();
    wire.send(all);
    for target in targets {
        assert_eq!(Message::read_response(&mut wire, "GET").text(), target);
    }
}

#[test]
fn connection_close_and_http_1_0_end_the_connection() {
    let app = echo_target();
    let proxy = Setup::demo(app.address()).start();
    for bytes in [
        request("GET", "a.test", "/x", "Connection: close\r\n"),
        "GET /x HTTP/1.0\r\nHost: a.test\r\n\r\n".to_owned(),
    ] {
        let mut wire = proxy.connect();
        wire.send(&bytes);
        assert_eq!(Message::read_response(&mut wire, "GET").text(), "/x", "after {bytes:?}");
        assert_eq!(wire.end(), End::Fin, "after {bytes:?}");
    }
}

/// The version is the hop's own (RFC 9110 section 2.5).
#[test]
fn an_http_1_0_answer_goes_out_as_http_1_1_on_a_connection_that_is_kept() {
    let app = App::listen();
    let proxy = Setup::demo(app.address()).start();
    let mut client = proxy.connect();
    for answer in [
        "HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nold",
        "HTTP/1.0 200 OK\r\nConnection: close\r\n\r\nold",
        "HTTP/1.0 200 OK\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\nold",
    ] {
        client.send(request("GET", "a.test", "/", ""));
        let mut server = app.accept();
        Head::read(&mut server);
        server.send(answer);
        drop(server);
        let answer = Message::read_response(&mut client, "GET");
        assert_eq!((answer.head.start.as_str(), answer.text()), ("HTTP/1.1 200 OK", "old"));
        assert_eq!(answer.head.get("connection"), None);
    }
}

#[test]
fn the_client_s_close_does_not_reach_the_app_as_its_own() {
    let app = echo_target();
    let proxy = Setup::demo(app.address()).start();
    proxy.get("a.test", "/x");
    assert!(!app.last().head.tokens("connection").contains(&"close".to_owned()));
}

#[test]
fn a_request_sent_one_byte_at_a_time_is_understood() {
    let app = echo_target();
    let proxy = Setup::demo(app.address()).start();
    let mut wire = proxy.connect();
    wire.dribble(request("GET", "a.test", "/slow", "X-A: b\r\n").as_bytes());
    assert_eq!(Message::read_response(&mut wire, "GET").text(), "/slow");
}

/// An app may end an idle connection whenever it likes; no request may be lost to that.
#[test]
fn an_idle_connection_that_the_app_ended_is_not_used_again() {
    let app = App::listen();
    let proxy = Setup::demo(app.address()).start();
    for round in 0..5 {
        let mut client = proxy.connect();
        client.send(request("GET", "a.test", "/x", ""));
        let mut server = app.accept();
        Head::read(&mut server);
        server.send(ok("answer"));
        assert_eq!(Message::read_response(&mut client, "GET").text(), "answer", "round {round}");
        drop(server);
    }
}

/// The client's leaving is passed on, so that the app can stop working for nobody.
#[test]
fn an_app_learns_that_the_client_of_a_request_has_gone() {
    let app = App::listen();
    let proxy = Setup::demo(app.address()).start();
    let mut client = proxy.connect();
    client.send(request("GET", "a.test", "/long", ""));
    let mut server = app.accept();
    Head::read(&mut server);
    server.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n");
    Head::read(&mut client);
    client.reset();
    eventually("the app's connection ends", || {
        // The write is what finds out when the end is a reset.
        let sent = server.try_send("2\r\nab\r\n");
        (sent.is_err() || server.was_reset()).then_some(())
    });
}
