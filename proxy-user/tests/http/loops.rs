//! Requests that come back to a proxy which has passed them on.

use std::net::SocketAddr;

use crate::harness::app::{App, HttpApp, Served};
use crate::harness::frame::Frame;
use crate::harness::http::{Head, Message, request};
use crate::harness::proxy::Proxy;
use crate::harness::relay;
use crate::harness::session::{Peer, Role, consent, upgrade};
use crate::harness::setup::Setup;

/// Descriptors that one request may take on its way round, with room for what the process opens besides.
const FEW: usize = 12;

/// A proxy whose app turns out to be another address of its own.
fn looped(own: impl Fn(&Proxy) -> SocketAddr) -> (Proxy, Served) {
    let app = App::listen();
    let proxy = Setup::demo(app.address()).start();
    let relay = relay::at(app, own(&proxy));
    (proxy, relay)
}

fn assert_loop(proxy: &Proxy, head: &str) {
    let before = proxy.descriptors();
    let mut wire = proxy.connect();
    wire.send(head);
    let answer = Message::read_response(&mut wire, "GET");
    assert_eq!(answer.assert_own(508), "loop");
    assert!(proxy.descriptors() < before + FEW, "{} descriptors", proxy.descriptors());
}

#[test]
fn an_app_that_leads_back_is_a_508() {
    let (proxy, _relay) = looped(Proxy::address);
    assert_loop(&proxy, &request("GET", "a.test", "/", ""));
    assert_loop(&proxy, &request("POST", "a.test", "/", "Content-Length: 3\r\n\r\nabc"));
    assert_loop(&proxy, &upgrade("a.test", "/stream", ""));
    // What the way does not know does not hide it.
    assert_loop(&proxy, &request("GET", "a.test", "/", "Connection: CDN-Loop\r\nCDN-Loop: x\r\n"));
    proxy.await_sessions(0);
}

#[test]
fn a_circle_of_two_is_a_508_too() {
    let app = App::listen();
    let first = Setup::demo(app.address()).start();
    let second = Setup::demo(first.address()).start();
    let _relay = relay::at(app, second.address());
    for head in [request("GET", "a.test", "/", ""), upgrade("a.test", "/stream", "")] {
        assert_loop(&first, &head);
        assert_loop(&second, &head);
    }
}

#[test]
fn an_app_that_turns_out_to_be_the_admin_address_is_none() {
    let (proxy, _relay) = looped(Proxy::admin_address);
    for target in ["/metrics", "/healthz", "/api/apps", "/"] {
        assert_loop(&proxy, &request("GET", "localhost", target, ""));
    }
}

#[test]
fn one_behind_the_other_is_no_loop() {
    let page = HttpApp::named("page");
    let app = App::listen();
    let inner = Setup::new()
        .app("page", page.address(), "path = \"/page\"")
        .app("demo", app.address(), "")
        .start();
    let outer = Setup::demo(inner.address()).start();
    let mut wire = outer.connect();
    wire.send(request("GET", "a.test", "/page", "CDN-Loop: cdn.test; a=1\r\n"));
    assert_eq!(Message::read_response(&mut wire, "GET").text(), "page");
    let passed = page.last().head.tokens("cdn-loop");
    assert_eq!(passed.len(), 3, "each is named once: {passed:?}");
    assert_eq!(passed[0], "cdn.test; a=1");
    let mut client = outer.connect();
    client.send(upgrade("a.test", "/stream", ""));
    let mut server = app.accept();
    Head::read(&mut server);
    server.send(consent(""));
    assert_eq!(Message::read_response(&mut client, "GET").status(), 101);
    let (mut client, mut server) = (Peer::new(client, Role::Client), Peer::new(server, Role::App));
    client.send(&Frame::text("through two"));
    server.expect(&Frame::text("through two"));
}
