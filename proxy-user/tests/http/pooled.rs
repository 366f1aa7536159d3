//! A kept connection that the app closes just as the next request goes out on it (RFC 9112 section
//! 9.3.1): what may be asked twice is asked again, anything else is not.

use std::time::Duration;

use crate::harness::app::App;
use crate::harness::http::{Head, Message, ok, request};
use crate::harness::proxy::Proxy;
use crate::harness::setup::Setup;
use crate::harness::wire::Wire;

/// A connection to the app that has answered one request and is kept.
fn kept(proxy: &Proxy, app: &App) -> (Wire, Wire) {
    let mut client = proxy.connect();
    client.send(request("GET", "a.test", "/first", ""));
    let mut server = app.accept();
    Head::read(&mut server);
    server.send(ok("first"));
    assert_eq!(Message::read_response(&mut client, "GET").text(), "first");
    (client, server)
}

#[test]
fn a_get_that_met_the_closing_is_asked_again() {
    for method in ["GET", "HEAD", "OPTIONS"] {
        let app = App::listen();
        let proxy = Setup::demo(app.address()).start();
        let (mut client, mut server) = kept(&proxy, &app);
        client.send(request(method, "a.test", "/second?x=1", "X-Kept: yes\r\n"));
        assert_eq!(Head::read(&mut server).target(), "/second?x=1");
        drop(server);
        let mut server = app.accept();
        let again = Head::read(&mut server);
        assert_eq!((again.method(), again.target()), (method, "/second?x=1"));
        assert_eq!(again.get("x-kept"), Some("yes"));
        server.send("HTTP/1.1 204 No Content\r\n\r\n");
        assert_eq!(Message::read_response(&mut client, method).status(), 204, "{method}");
    }
}

/// RFC 9110 section 15.5.9: an app that gives up an idle connection may say so, and is then heard by whoever
/// has just used it again.
#[test]
fn a_get_that_met_a_408_is_asked_again() {
    for close in ["Connection: close\r\n", ""] {
        let app = App::listen();
        let proxy = Setup::demo(app.address()).start();
        let (mut client, mut server) = kept(&proxy, &app);
        client.send(request("GET", "a.test", "/second", ""));
        assert_eq!(Head::read(&mut server).target(), "/second");
        server.send(format!("HTTP/1.1 408 Request Timeout\r\n{close}Content-Length: 0\r\n\r\n"));
        let mut anew = app.accept();
        assert_eq!(Head::read(&mut anew).target(), "/second");
        anew.send(ok("second"));
        assert_eq!(Message::read_response(&mut client, "GET").text(), "second");
        // What comes late on the first is nobody's answer.
        let _ = server.try_send(ok("too late"));
        client.send(request("GET", "a.test", "/third", ""));
        assert_eq!(Head::read(&mut anew).target(), "/third");
        anew.send(ok("third"));
        assert_eq!(Message::read_response(&mut client, "GET").text(), "third");
    }
}

/// A 408 to a request that may not be repeated, or on a connection that was not idle, is an answer.
#[test]
fn any_other_408_is_passed_on() {
    let timeout = "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n";
    let app = App::listen();
    let proxy = Setup::demo(app.address()).start();
    let (mut client, mut server) = kept(&proxy, &app);
    client.send(request("POST", "a.test", "/order", "Content-Length: 0\r\n"));
    Head::read(&mut server);
    server.send(timeout);
    assert_eq!(Message::read_response(&mut client, "POST").status(), 408);
    client.send(request("GET", "a.test", "/new", ""));
    let mut server = app.accept();
    Head::read(&mut server);
    server.send(timeout);
    assert_eq!(Message::read_response(&mut client, "GET").status(), 408);
    assert!(app.accept_within(Duration::from_millis(500)).is_none(), "one of them was sent again");
}

#[test]
fn a_post_that_met_the_closing_is_not_sent_twice() {
    for fields in ["Content-Length: 0\r\n", "Content-Length: 4\r\n"] {
        let app = App::listen();
        let proxy = Setup::demo(app.address()).start();
        let (mut client, mut server) = kept(&proxy, &app);
        let body = if fields.contains('4') { "once" } else { "" };
        client.send(request("POST", "a.test", "/order", fields) + body);
        assert_eq!(Message::read_request(&mut server).text(), body);
        drop(server);
        Message::read_response(&mut client, "POST").assert_own(502);
        let more = app.accept_within(Duration::from_millis(500));
        assert!(more.is_none(), "{fields:?} was sent again");
    }
}

/// Once the app has begun to answer, it has done what it was asked to.
#[test]
fn a_get_whose_answer_was_cut_is_not_asked_again() {
    let app = App::listen();
    let proxy = Setup::demo(app.address()).start();
    let (mut client, mut server) = kept(&proxy, &app);
    client.send(request("GET", "a.test", "/second", ""));
    Head::read(&mut server);
    server.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegun");
    assert_eq!(Head::read(&mut client).status(), 200);
    drop(server);
    client.rest();
    let more = app.accept_within(Duration::from_millis(500));
    assert!(more.is_none(), "it was asked again");
}
