//! The proxy has to end a session while the app is inside a frame: its Close goes behind that frame,
//! and nothing but it.

use crate::harness::app::App;
use crate::harness::frame::Frame;
use crate::harness::proxy::Proxy;
use crate::harness::session::{Peer, open};
use crate::harness::setup::Setup;
use crate::harness::wire::End;

const PIECE: usize = 100_000;

fn start() -> (App, Proxy) {
    let app = App::listen();
    let proxy = Setup::demo(app.address()).key("drain = \"500ms\"").start();
    (app, proxy)
}

/// The app has begun a frame, and the client has all that there is of it: gives the rest.
fn begin(client: &mut Peer, server: &mut Peer) -> Vec<u8> {
    server.send(&Frame::text("whole"));
    client.expect(&Frame::text("whole"));
    let mut frame = Frame::binary(vec![0x5A; 1 << 20]).encode();
    let rest = frame.split_off(3 * PIECE);
    server.wire.send(&frame);
    assert!(client.wire.exactly(frame.len()) == frame);
    rest
}

/// The app goes on piece by piece, and begins another frame with the last.
fn go_on(client: &mut Peer, server: &mut Peer, rest: &[u8]) {
    for piece in rest.chunks(PIECE) {
        server.wire.send(piece);
        assert!(client.wire.exactly(piece.len()) == piece);
    }
    server.send(&Frame::text("too late"));
}

#[test]
fn a_shutdown_lets_the_app_finish_its_frame() {
    let (app, mut proxy) = start();
    let (mut client, mut server) = open(&proxy, &app);
    let rest = begin(&mut client, &mut server);
    proxy.terminate();
    server.expect_close(1012);
    go_on(&mut client, &mut server, &rest);
    client.expect_close(1012);
    assert_eq!(client.finish(1012), End::Fin);
    server.finish(1012);
    assert_eq!(proxy.exit_code(), Some(0));
}

#[test]
fn a_violation_by_the_client_lets_the_app_finish_its_frame() {
    let (app, proxy) = start();
    let (mut client, mut server) = open(&proxy, &app);
    let rest = begin(&mut client, &mut server);
    client.wire.send(Frame::text("unmasked").encode());
    server.expect_close(1002);
    go_on(&mut client, &mut server, &rest);
    client.expect_close(1002);
    assert_eq!(client.finish(1002), End::Fin);
    server.finish(1002);
    proxy.await_sessions(0);
}

/// The client is inside a frame of its own: the app gets the whole of it before it is told.
#[test]
fn a_violation_by_the_app_lets_the_client_finish_its_frame() {
    let (app, proxy) = start();
    let (mut client, mut server) = open(&proxy, &app);
    let bytes = client.encode(&Frame::binary(vec![0x5A; 2 * PIECE]));
    client.wire.send(&bytes[..PIECE]);
    assert!(server.wire.exactly(PIECE) == bytes[..PIECE]);
    server.wire.send(Frame::text("masked").masked([1, 2, 3, 4]).encode());
    client.expect_close(1002);
    client.wire.send(&bytes[PIECE..]);
    assert!(server.wire.exactly(bytes.len() - PIECE) == bytes[PIECE..]);
    server.expect_close(1002);
    client.finish(1002);
    server.finish(1002);
    proxy.await_sessions(0);
}

/// The answer to our Close comes in one piece with the end of the frame that it had to wait for.
#[test]
fn an_answer_right_behind_the_last_frame_is_heard() {
    let (app, proxy) = start();
    let (mut client, mut server) = open(&proxy, &app);
    let frame = client.encode(&Frame::binary(vec![0x5A; 1000]));
    client.wire.send(&frame[..300]);
    assert!(server.wire.exactly(300) == frame[..300]);
    server.wire.send(Frame::text("masked").masked([1, 2, 3, 4]).encode());
    client.expect_close(1002);
    let answer = client.encode(&Frame::close(1002, ""));
    client.wire.send([&frame[300..], &answer].concat());
    assert_eq!(client.wire.end(), End::Fin, "while the app still owes its answer");
    assert!(server.wire.exactly(frame.len() - 300) == frame[300..]);
    server.expect_close(1002);
    drop(client);
    server.finish(1002);
    proxy.await_sessions(0);
}

/// Nobody waits forever for the end of a frame, and nothing is put inside it.
#[test]
fn a_frame_that_never_ends_does_not_hold_up_the_end() {
    let (app, mut proxy) = start();
    let (mut client, mut server) = open(&proxy, &app);
    let (mut other, mut theirs) = open(&proxy, &app);
    begin(&mut client, &mut server);
    begin(&mut other, &mut theirs);
    other.wire.send(Frame::text("unmasked").encode());
    theirs.expect_close(1002);
    other.wire.end();
    proxy.await_sessions(1);
    proxy.terminate();
    server.expect_close(1012);
    client.wire.end();
    assert_eq!(proxy.exit_code(), Some(0));
}
