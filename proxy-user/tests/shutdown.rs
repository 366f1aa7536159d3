//! SIGTERM: no new sessions, the old ones drained and told, then the end with exit code 0.

mod harness;

use std::time::Duration;

use harness::app::App;
use harness::frame::Frame;
use harness::http::{Head, Message, chunk, ok, request};
use harness::proxy::Proxy;
use harness::session::{open, upgrade};
use harness::setup::Setup;
use harness::wait::{eventually, pause};
use harness::wire::End;

fn draining(drain: &str) -> (App, Proxy) {
    let app = App::listen();
    let proxy = Setup::demo(app.address()).key(&format!("drain = {drain:?}")).start();
    (app, proxy)
}

fn await_not_ready(proxy: &Proxy) {
    eventually("/readyz says 503", || (proxy.admin("/readyz", "").status() == 503).then_some(()));
}

#[test]
fn sessions_go_on_through_the_drain_and_are_then_told_1012() {
    let (app, mut proxy) = draining("3s");
    let (mut client, mut server) = open(&proxy, &app);
    assert_eq!(proxy.admin("/readyz", "").status(), 200);
    proxy.terminate();
    await_not_ready(&proxy);
    assert_eq!(proxy.admin("/healthz", "").status(), 200, "draining is healthy");
    client.send(&Frame::text("during the drain"));
    server.expect(&Frame::text("during the drain"));
    client.expect_close(1012);
    server.expect_close(1012);
    client.finish(1012);
    server.finish(1012);
    assert_eq!(proxy.exit_code(), Some(0));
}

#[test]
fn an_upgrade_during_the_drain_is_a_503() {
    let (app, proxy) = draining("10m");
    let _session = open(&proxy, &app);
    proxy.terminate();
    await_not_ready(&proxy);
    let mut client = proxy.connect();
    client.send(upgrade("a.test", "/", ""));
    Message::read_response(&mut client, "GET").assert_own(503);
}

#[test]
fn the_drain_ends_with_the_last_session() {
    let (app, mut proxy) = draining("10m");
    let (client, server) = open(&proxy, &app);
    proxy.terminate();
    await_not_ready(&proxy);
    drop((client, server));
    assert_eq!(proxy.exit_code(), Some(0));
}

#[test]
fn nothing_to_drain_ends_at_once() {
    let (_app, mut proxy) = draining("10m");
    proxy.terminate();
    assert_eq!(proxy.exit_code(), Some(0));
}

#[test]
fn a_request_under_way_is_finished() {
    let (app, mut proxy) = draining("10m");
    let mut client = proxy.connect();
    client.send(request("GET", "a.test", "/long", ""));
    let mut server = app.accept();
    Head::read(&mut server);
    server.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    server.send(chunk("first"));
    proxy.terminate();
    await_not_ready(&proxy);
    server.send(chunk(", last"));
    server.send("0\r\n\r\n");
    assert_eq!(Message::read_response(&mut client, "GET").text(), "first, last");
    drop((client, server));
    assert_eq!(proxy.exit_code(), Some(0));
}

/// Longer than the moment that is left to requests once the drain is over.
#[test]
fn a_request_that_takes_its_time_is_waited_for_as_a_session_is() {
    let (app, mut proxy) = draining("30s");
    let mut client = proxy.connect();
    client.send(request("GET", "a.test", "/slow", ""));
    let mut server = app.accept();
    Head::read(&mut server);
    proxy.terminate();
    await_not_ready(&proxy);
    pause(Duration::from_secs(8));
    server.send(ok("at last"));
    assert_eq!(Message::read_response(&mut client, "GET").text(), "at last");
    assert_eq!(client.end(), End::Fin, "the connection is good for no other request");
    assert_eq!(proxy.exit_code(), Some(0));
}

#[test]
fn a_second_sigterm_ends_at_once() {
    let (app, mut proxy) = draining("10m");
    let session = open(&proxy, &app);
    proxy.terminate();
    await_not_ready(&proxy);
    assert!(!proxy.has_ended(), "the first waits for the session");
    proxy.terminate();
    proxy.exit_code();
    drop(session);
}
