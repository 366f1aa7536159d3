//! A Close is a peer's last frame (RFC 6455 section 1.4): what comes behind it is for nobody, and no
//! mistake in it is anybody's.

use crate::harness::app::App;
use crate::harness::frame::{Frame, PONG};
use crate::harness::proxy::Proxy;
use crate::harness::session::{Peer, Role, open};
use crate::harness::setup::Setup;
use crate::harness::wire::End;

fn start() -> (App, Proxy) {
    let app = App::listen();
    let proxy = Setup::demo(app.address()).start();
    (app, proxy)
}

/// Close and `more` in one segment: the other end gets the Close, its answer comes back, and both
/// get nothing else.
fn close_and(closer: Role, more: &Frame) {
    let (app, proxy) = start();
    let (client, server) = open(&proxy, &app);
    let (mut first, mut second) = match closer {
        Role::Client => (client, server),
        Role::App => (server, client),
    };
    let close = Frame::close(1000, "bye");
    let bytes = [first.encode(&close), first.encode(more)].concat();
    first.wire.send(bytes);
    second.expect(&close);
    second.send(&Frame::close(1000, "seen"));
    first.expect(&Frame::close(1000, "seen"));
    let ends: [fn(&mut Peer); 2] = [
        |peer| peer.wire.half_close(),
        |peer| assert_eq!(peer.wire.end(), End::Fin, "nothing behind the Close"),
    ];
    for end in ends {
        end(&mut first);
        end(&mut second);
    }
    proxy.await_sessions(0);
}

#[test]
fn a_client_s_pong_behind_its_close_is_discarded() {
    close_and(Role::Client, &Frame::new(PONG, "late"));
}

#[test]
fn an_app_s_pong_behind_its_close_is_discarded() {
    close_and(Role::App, &Frame::new(PONG, "late"));
}

#[test]
fn data_and_nonsense_behind_a_close_are_discarded() {
    close_and(Role::Client, &Frame::text("late"));
    close_and(Role::App, &Frame::new(0x5, "no such opcode"));
}

/// Many servers answer a Close by closing the connection alone: the client went first, so that
/// nothing broke.
#[test]
fn an_app_that_answers_a_close_with_its_fin_alone_is_not_broken() {
    let (app, proxy) = start();
    let (mut client, mut server) = open(&proxy, &app);
    client.send(&Frame::close(1000, ""));
    server.expect(&Frame::close(1000, ""));
    drop(server);
    assert_eq!(client.wire.end(), End::Fin, "no 1014");
    drop(client);
    proxy.await_sessions(0);
}
