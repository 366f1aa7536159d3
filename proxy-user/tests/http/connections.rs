//! Several requests on one connection, and what ends it.

use std::time::Duration;

use crate::harness::app::{App, HttpApp};
use crate::harness::http::{Head, Message, ok, request};
use crate::harness::setup::Setup;
use crate::harness::wait::{eventually, pause};
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

/// RFC 9112 section 9.6: whoever has asked may close the sending half, and is answered.
#[test]
fn a_client_that_has_finished_sending_is_answered() {
    let app = App::listen();
    let proxy = Setup::demo(app.address()).start();
    for (method, fields, body) in [
        ("GET", "", ""),
        ("POST", "Content-Length: 4\r\n", "body"),
        ("GET", "Connection: close\r\n", ""),
    ] {
        let mut client = proxy.connect();
        client.send(request(method, "a.test", "/x", fields) + body);
        client.half_close();
        let mut server = app.accept();
        assert_eq!(Message::read_request(&mut server).text(), body);
        // The FIN has come long before.
        pause(Duration::from_millis(100));
        server.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 6\r\n\r\nan");
        pause(Duration::from_millis(100));
        server.send("swer");
        assert_eq!(Message::read_response(&mut client, method).text(), "answer");
        assert_eq!(client.end(), End::Fin);
    }
}

#[test]
fn all_that_a_client_asked_before_it_finished_is_answered() {
    let app = echo_target();
    let proxy = Setup::demo(app.address()).start();
    let mut wire = proxy.connect();
    wire.send(["/1", "/2", "/3"].map(|target| request("GET", "a.test", target, "")).concat());
    wire.half_close();
    for target in ["/1", "/2", "/3"] {
        assert_eq!(Message::read_response(&mut wire, "GET").text(), target);
    }
    assert_eq!(wire.end(), End::Fin);
}

#[test]
fn the_admin_address_answers_a_client_that_has_finished_sending() {
    let app = echo_target();
    let proxy = Setup::demo(app.address()).start();
    let mut wire = proxy.connect_admin();
    wire.send(request("GET", "localhost", "/healthz", ""));
    wire.half_close();
    assert_eq!(Message::read_response(&mut wire, "GET").text(), "ok\n");
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
