//! `Expect: 100-continue` (RFC 9110 section 10.1.1): the client holds its body back until the app wants it.

use crate::harness::app::{App, HttpApp};
use crate::harness::http::{Head, Message, chunk, ok, request};
use crate::harness::setup::Setup;
use crate::harness::wire::End;

const COUNTED: &str = "Content-Length: 4\r\nExpect: 100-continue\r\n";
const CHUNKED: &str = "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n";

#[test]
fn the_body_is_asked_for_when_the_app_asks() {
    let app = App::listen();
    let proxy = Setup::demo(app.address()).start();
    for (fields, body) in
        [(COUNTED, b"body".to_vec()), (CHUNKED, [chunk("body"), chunk("")].concat())]
    {
        let mut client = proxy.connect();
        client.send(request("POST", "a.test", "/big", fields));
        let mut server = app.accept();
        assert_eq!(Head::read(&mut server).tokens("expect"), ["100-continue"]);
        // The first word of the app is the first that the client hears.
        server.send("HTTP/1.1 102 Processing\r\n\r\n");
        assert_eq!(Head::read(&mut client).status(), 102);
        server.send("HTTP/1.1 100 Continue\r\n\r\n");
        assert_eq!(Head::read(&mut client).status(), 100);
        client.send(&body);
        server.through(b"body");
        server.send(ok("taken"));
        assert_eq!(Head::read(&mut client).status(), 200, "it was told once");
    }
}

/// Some apps know no expectations: they wait for the body as the client waits for them.
#[test]
fn the_body_is_asked_for_when_the_app_says_nothing() {
    let app = App::listen();
    let proxy = Setup::demo(app.address()).start();
    let mut client = proxy.connect();
    client.send(request("POST", "a.test", "/big", COUNTED));
    let mut server = app.accept();
    Head::read(&mut server);
    assert_eq!(Head::read(&mut client).status(), 100);
    client.send("body");
    assert_eq!(server.exactly(4), b"body");
    // Late, and no news any more.
    server.send("HTTP/1.1 100 Continue\r\n\r\n");
    server.send(ok("taken"));
    let answer = Head::read(&mut client);
    assert_eq!((answer.status(), answer.get("connection")), (200, None));
}

#[test]
fn an_app_may_refuse_a_body_before_it_is_sent() {
    let app = App::listen();
    let proxy = Setup::demo(app.address()).start();
    for fields in [COUNTED, CHUNKED] {
        let mut client = proxy.connect();
        client.send(request("POST", "a.test", "/big", fields));
        let mut server = app.accept();
        Head::read(&mut server);
        server.send("HTTP/1.1 413 Too Large\r\nContent-Length: 6\r\n\r\nfar ");
        let head = Head::read(&mut client);
        assert_eq!(head.status(), 413, "it was not asked to go on: {fields:?}");
        assert_eq!(head.get("x-ebbtide-reason"), None, "the answer is the app's own");
        assert_eq!(head.tokens("connection"), ["close"], "the body may come or not");
        assert_eq!(client.exactly(4), b"far ");
        // What is left of the answer is carried although the request is not.
        server.send("it");
        assert_eq!(client.rest(), (b"it".to_vec(), End::Fin));
        let (rest, _) = server.rest();
        assert_eq!(rest, b"", "an end of the body was made up");
    }
}

#[test]
fn the_proxy_s_own_refusal_asks_for_no_body() {
    let app = HttpApp::named("app");
    let proxy = Setup::new().app("named", app.address(), "hosts = [\"a.test\"]").start();
    for fields in [COUNTED, CHUNKED] {
        let mut client = proxy.connect();
        client.send(request("POST", "b.test", "/big", fields));
        let head = Head::read(&mut client);
        assert_eq!((head.status(), head.tokens("connection")), (404, vec!["close".to_owned()]));
    }
}

/// They are not to be heeded there.
#[test]
fn an_expectation_of_http_1_0_does_not_reach_the_app() {
    let app = HttpApp::named("app");
    let proxy = Setup::demo(app.address()).start();
    let mut client = proxy.connect();
    client.send(format!("POST /big HTTP/1.0\r\nHost: a.test\r\n{COUNTED}\r\nbody"));
    assert_eq!(Message::read_response(&mut client, "POST").text(), "app");
    assert_eq!((app.last().head.get("expect"), app.last().text()), (None, "body"));
}
