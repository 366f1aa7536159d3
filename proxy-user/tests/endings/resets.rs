//! A peer resets its connection in the middle of a stream towards it. Whether a read or a write
//! meets the reset first is chance, hence the many rounds; the other peer is told either way.

use crate::harness::app::App;
use crate::harness::frame::Frame;
use crate::harness::proxy::Proxy;
use crate::harness::session::{Peer, open};
use crate::harness::setup::Setup;
use crate::harness::traffic::{self, Pace, Traffic};

const ROUNDS: usize = 60;
/// As fast as they are taken.
const FLOOD: Pace = Pace::new(1 << 30, 0);
const PAYLOAD: usize = 4096;

fn start() -> (App, Proxy) {
    let app = App::listen();
    let proxy = Setup::demo(app.address()).start();
    (app, proxy)
}

/// Whole frames over and over; the other end has had some of them when this returns.
fn stream(from: &mut Peer, to: &mut Peer) -> Traffic {
    let frame = Frame::binary(vec![0x5A; PAYLOAD]);
    let unit = from.encode(&frame);
    let flood = traffic::send(&from.wire, unit, FLOOD);
    for _ in 0..10 {
        to.expect(&frame);
    }
    flood
}

#[test]
fn a_client_that_resets_in_mid_stream_is_told_to_the_app() {
    let (app, proxy) = start();
    for _ in 0..ROUNDS {
        let (mut client, mut server) = open(&proxy, &app);
        let flood = stream(&mut server, &mut client);
        client.wire.reset();
        server.expect_close(1001);
        drop(flood);
        server.finish(1001);
    }
    proxy.await_sessions(0);
}

#[test]
fn an_app_that_resets_in_mid_stream_is_a_1014() {
    let (app, proxy) = start();
    for _ in 0..ROUNDS {
        let (mut client, mut server) = open(&proxy, &app);
        let flood = stream(&mut client, &mut server);
        server.wire.reset();
        client.expect_close(1014);
        drop(flood);
        client.finish(1014);
    }
    proxy.await_sessions(0);
}

/// Both stream. What the client has got when it ends is whole frames and a 1014, or frames of which
/// the last is cut, with nothing behind it.
#[test]
fn an_app_that_resets_in_mid_stream_is_a_1014_unless_a_frame_is_cut() {
    let (app, proxy) = start();
    for round in 0..ROUNDS {
        let (mut client, mut server) = open(&proxy, &app);
        let up = stream(&mut client, &mut server);
        let down = stream(&mut server, &mut client);
        // Closes as well, so that the reset below is the last handle's.
        drop(down);
        server.wire.reset();
        let frame = Frame::binary(vec![0x5A; PAYLOAD]);
        let told = loop {
            match Frame::parse(client.wire.held()) {
                Some((got, size)) if got == frame => drop(client.wire.take(size)),
                Some((got, _)) => break Some(got),
                // FIN or RST: no Close will come.
                None if !matches!(client.wire.fill(), Ok(1..)) => break None,
                None => {}
            }
        };
        match told {
            Some(close) => assert_eq!(close.close_code(), Some(1014), "round {round}: {close:?}"),
            None => {
                let tail = client.wire.held();
                let cut = !tail.is_empty() && frame.encode().starts_with(tail);
                assert!(cut, "round {round}: neither cut nor told: {tail:?}");
            }
        }
        // It may be inside a frame of its own, and so cannot answer but by its end.
        client.wire.half_close();
        drop(up);
    }
    proxy.await_sessions(0);
}
