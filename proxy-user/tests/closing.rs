//! How a session ends: by Close from either side, by FIN, by RST. Each side is told exactly once,
//! and what was accepted before is delivered.

mod harness;

use std::time::Duration;

use harness::app::App;
use harness::frame::{CLOSE, Frame};
use harness::proxy::Proxy;
use harness::session::{Peer, Role, open};
use harness::setup::Setup;
use harness::wire::{End, Wire};

fn start() -> (App, Proxy) {
    let app = App::listen();
    let proxy = Setup::demo(app.address()).start();
    (app, proxy)
}

/// One end closes, the other answers; both Close frames pass as they were, once each.
fn handshake(proxy: &Proxy, first: Peer, second: Peer, closer: Role) {
    let (mut first, mut second) = (first, second);
    first.send(&Frame::text("last words"));
    first.send(&Frame::close(4001, "going"));
    second.expect(&Frame::text("last words"));
    second.expect(&Frame::close(4001, "going"));
    second.send(&Frame::close(4001, "seen"));
    first.expect(&Frame::close(4001, "seen"));
    // RFC 6455 section 7.1.1: the app's side closes the TCP connection first.
    let (mut client, server) = match closer {
        Role::Client => (first.wire, second.wire),
        Role::App => (second.wire, first.wire),
    };
    drop(server);
    assert_eq!(client.end(), End::Fin, "one Close each, then the end");
    drop(client);
    proxy.await_sessions(0);
}

#[test]
fn a_close_from_the_client_is_delivered_once_and_answered() {
    let (app, proxy) = start();
    let (client, server) = open(&proxy, &app);
    handshake(&proxy, client, server, Role::Client);
}

#[test]
fn a_close_from_the_app_is_delivered_once_and_answered() {
    let (app, proxy) = start();
    let (client, server) = open(&proxy, &app);
    handshake(&proxy, server, client, Role::App);
}

#[test]
fn closes_that_cross_are_both_delivered() {
    let (app, proxy) = start();
    let (mut client, mut server) = open(&proxy, &app);
    client.send(&Frame::close(1000, "c"));
    server.send(&Frame::close(1000, "s"));
    server.expect(&Frame::close(1000, "c"));
    client.expect(&Frame::close(1000, "s"));
    drop(server);
    assert_eq!(client.wire.end(), End::Fin);
    drop(client);
    proxy.await_sessions(0);
}

#[test]
fn a_close_without_a_code_passes_as_it_is() {
    let (app, proxy) = start();
    let (mut client, mut server) = open(&proxy, &app);
    client.send(&Frame::new(CLOSE, ""));
    server.expect(&Frame::new(CLOSE, ""));
    server.send(&Frame::new(CLOSE, ""));
    client.expect(&Frame::new(CLOSE, ""));
    drop((client, server));
    proxy.await_sessions(0);
}

#[test]
fn a_client_that_ends_its_sending_side_still_receives() {
    let (app, proxy) = start();
    let (mut client, mut server) = open(&proxy, &app);
    client.send(&Frame::text("that was all"));
    client.wire.half_close();
    server.expect(&Frame::text("that was all"));
    assert_eq!(server.wire.end(), End::Fin);
    for n in 0..3 {
        let frame = Frame::text(&format!("answer {n}"));
        server.send(&frame);
        client.expect(&frame);
    }
    server.send(&Frame::close(1000, ""));
    client.expect(&Frame::close(1000, ""));
    drop(server);
    assert_eq!(client.wire.end(), End::Fin);
    drop(client);
    proxy.await_sessions(0);
}

/// The app's FIN after its Close is no loss: the client's answer still reaches the app.
#[test]
fn an_app_that_closes_and_ends_its_sending_side_still_gets_the_answer() {
    let (app, proxy) = start();
    let (mut client, mut server) = open(&proxy, &app);
    server.send(&Frame::close(1001, "leaving"));
    server.wire.half_close();
    client.expect(&Frame::close(1001, "leaving"));
    client.send(&Frame::text("already under way"));
    client.send(&Frame::close(1001, ""));
    server.expect(&Frame::text("already under way"));
    server.expect(&Frame::close(1001, ""));
    assert_eq!(client.wire.end(), End::Fin, "no second Close");
    drop((client, server));
    proxy.await_sessions(0);
}

#[test]
fn an_app_that_ends_without_a_close_is_a_1014() {
    let (app, proxy) = start();
    let (mut client, mut server) = open(&proxy, &app);
    server.send(&Frame::text("before the crash"));
    drop(server);
    client.expect(&Frame::text("before the crash"));
    client.expect_close(1014);
    assert_eq!(client.finish(1014), End::Fin);
    proxy.await_sessions(0);
}

#[test]
fn an_app_that_resets_is_a_1014() {
    let (app, proxy) = start();
    let (mut client, mut server) = open(&proxy, &app);
    client.send(&Frame::text("before"));
    server.expect(&Frame::text("before"));
    server.wire.reset();
    client.expect_close(1014);
    assert_eq!(client.finish(1014), End::Fin);
    proxy.await_sessions(0);
}

/// RFC 6455 section 7.1.1: a Close of ours is answered before the connection is closed, and nobody
/// waits forever for the answer.
#[test]
fn a_fin_follows_our_close_when_it_is_answered() {
    let (app, proxy) = start();
    let (mut client, server) = open(&proxy, &app);
    server.wire.reset();
    client.expect_close(1014);
    assert!(client.wire.silent_for(Duration::from_millis(300)), "the FIN waits for the answer");
    client.send(&Frame::text("said before the Close was seen"));
    client.send(&Frame::close(1014, ""));
    assert_eq!(client.wire.end(), End::Fin);
    drop(client);
    let (mut client, server) = open(&proxy, &app);
    server.wire.reset();
    client.expect_close(1014);
    assert_eq!(client.wire.end(), End::Reset, "no answer");
    proxy.await_sessions(0);
}

/// The moment between the 101 and the first byte is part of the session too.
#[test]
fn peers_that_leave_right_after_the_101_are_told_of_as_well() {
    let (app, proxy) = start();
    for _ in 0..20 {
        let (mut client, server) = open(&proxy, &app);
        server.wire.reset();
        client.expect_close(1014);
        let (mut client, server) = open(&proxy, &app);
        drop(server);
        client.expect_close(1014);
        let (client, mut server) = open(&proxy, &app);
        client.wire.reset();
        server.expect_close(1001);
    }
    proxy.await_sessions(0);
}

/// A control frame goes between frames only: a cut frame is followed by nothing.
#[test]
fn an_app_that_dies_inside_a_frame_is_not_followed_by_a_close_inside_it() {
    let (app, proxy) = start();
    let (mut client, mut server) = open(&proxy, &app);
    let frame = Frame::binary([5; 1000]).encode();
    server.wire.send(&frame[..300]);
    assert_eq!(client.wire.exactly(300), &frame[..300]);
    drop(server);
    client.wire.end();
    drop(client);
    proxy.await_sessions(0);
}

#[test]
fn a_client_that_resets_is_told_to_the_app() {
    let (app, proxy) = start();
    let (mut client, mut server) = open(&proxy, &app);
    client.send(&Frame::text("before"));
    server.expect(&Frame::text("before"));
    client.wire.reset();
    server.expect_close(1001);
    server.finish(1001);
    proxy.await_sessions(0);
}

#[test]
fn a_client_that_resets_inside_a_frame_leaves_the_app_no_half_message() {
    let (app, proxy) = start();
    let (mut client, mut server) = open(&proxy, &app);
    let frame = Frame::binary([5; 1000]).masked([1, 2, 3, 4]).encode();
    client.wire.send(&frame[..300]);
    assert_eq!(server.wire.exactly(300), &frame[..300]);
    client.wire.reset();
    server.wire.end();
    drop(server);
    proxy.await_sessions(0);
}

/// The end of one session touches no other.
#[test]
fn other_sessions_live_on() {
    let (app, proxy) = start();
    let (mut client, mut server) = open(&proxy, &app);
    let broken: [fn(Wire); 2] = [drop, Wire::reset];
    for end in broken {
        let (other, theirs) = open(&proxy, &app);
        end(other.wire);
        drop(theirs);
        let (other, theirs) = open(&proxy, &app);
        end(theirs.wire);
        drop(other);
    }
    proxy.await_sessions(1);
    client.send(&Frame::text("still here"));
    server.expect(&Frame::text("still here"));
}
