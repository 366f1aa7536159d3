//! Peers that leave pings unanswered for longer than the timeout, and live.

use std::thread;
use std::time::Duration;

use libtest_mimic::Failed;

use crate::harness::app::App;
use crate::harness::frame::{BINARY, Frame, PONG, header};
use crate::harness::session::{open, open_over};
use crate::harness::source::Source;
use crate::harness::traffic::{self, CRAWL, Pace, STEADY};
use crate::harness::wait::pause;
use crate::scene::{self, TIMEOUT, answer, is_own, next, own_ping, pong};

const MOMENT: Duration = Duration::from_millis(100);
/// Moments in four times the timeout.
const LONG: u64 = 4 * 1000 * TIMEOUT.as_secs() / 100;

/// A broken library: it sends, but does not know what to do with a ping. When it falls silent, the pong
/// that it never gave proves nothing.
pub(crate) fn sends_without_pongs(source: Source) -> Result<(), Failed> {
    let scene = scene::set(source)?;
    let (mut client, mut server) = open(&scene.proxy, &scene.app);
    for moment in 0..LONG {
        pause(MOMENT);
        if moment % 15 == 0 {
            client.send(&Frame::text("tick"));
            assert_eq!(next(&mut server), Frame::text("tick"));
        }
        answer(&mut server);
    }
    for _ in 0..LONG {
        pause(MOMENT);
        answer(&mut server);
    }
    scene.assert_nobody_reaped();
    assert!(scene.pings("client") > 5);
    client.send(&Frame::text("still here"));
    assert_eq!(next(&mut server), Frame::text("still here"));
    Ok(())
}

/// The pong to one ping comes when others have followed it, and is swallowed all the same.
pub(crate) fn late_pongs(source: Source) -> Result<(), Failed> {
    let scene = scene::set(source)?;
    let (mut client, mut server) = open(&scene.proxy, &scene.app);
    for _ in 0..3 {
        let ping = own_ping(&mut client);
        for _ in 0..20 {
            pause(MOMENT);
            answer(&mut server);
        }
        pong(&mut client, &ping);
    }
    scene.assert_nobody_reaped();
    client.send(&Frame::text("behind the pongs"));
    assert_eq!(next(&mut server), Frame::text("behind the pongs"));
    Ok(())
}

/// A frame of a gigabyte to a client that takes four kilobytes a second: no ping reaches it, and it
/// sends nothing.
pub(crate) fn huge_frame(source: Source) -> Result<(), Failed> {
    let scene = scene::set(source)?;
    let narrow = scene.proxy.connect_narrow(4096);
    let (client, mut server) = open_over(narrow, &scene.app, "", "");
    server.wire.send(header(0x80 | BINARY, 1 << 30, None));
    let sending = traffic::send(&server.wire, vec![0x5A; 1 << 16], STEADY);
    let reading = traffic::read(&client.wire, CRAWL);
    let before = reading.bytes();
    for _ in 0..LONG {
        pause(MOMENT);
    }
    assert!(reading.bytes() > before && !reading.has_ended() && !sending.has_ended());
    scene.assert_nobody_reaped();
    Ok(())
}

/// A client sends more than its app takes: nothing is read from it for as long as the app's queue is
/// full, its pongs neither.
pub(crate) fn held_up(source: Source) -> Result<(), Failed> {
    let scene = scene::set_with(source, App::listen_narrow(4096), "1s")?;
    let (client, server) = open(&scene.proxy, &scene.app);
    let frames = Frame::binary(vec![0x5A; 4096]).masked([1, 2, 3, 4]).encode();
    let typing = traffic::send(&client.wire, frames, STEADY);
    let reading = traffic::read(&server.wire, Pace::new(1024, 250));
    for _ in 0..LONG {
        pause(MOMENT);
    }
    assert!(!typing.has_ended() && !reading.has_ended());
    assert!(typing.bytes() > reading.bytes(), "the client was never held up");
    scene.assert_nobody_reaped();
    Ok(())
}

/// A laptop that sleeps: what came meanwhile is answered when it wakes.
pub(crate) fn sleeper(source: Source) -> Result<(), Failed> {
    let scene = scene::set(source)?;
    let (mut client, mut server) = open(&scene.proxy, &scene.app);
    let serving = thread::spawn(move || {
        let frame = next(&mut server);
        (server, frame)
    });
    for _ in 0..3 {
        let ping = own_ping(&mut client);
        pause(TIMEOUT / 2);
        pong(&mut client, &ping);
        while !client.wire.held().is_empty() || !client.wire.silent_for(MOMENT / 10) {
            let frame = client.receive();
            assert!(is_own(&frame), "{frame:?}");
            client.send(&Frame::new(PONG, frame.payload));
        }
    }
    client.send(&Frame::text("awake"));
    let (server, frame) = serving.join().unwrap();
    assert_eq!(frame, Frame::text("awake"));
    scene.assert_nobody_reaped();
    drop(server);
    Ok(())
}
