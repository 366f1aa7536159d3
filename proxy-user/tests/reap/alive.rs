//! Peers that are slow, paused, idle or held up by the other side, and alive all the same. Each
//! test lasts several times the grace.

use std::time::Duration;

use libtest_mimic::Failed;

use crate::harness::app::App;
use crate::harness::session::{Peer, open, open_over};
use crate::harness::traffic::{self, CRAWL, EAGER, Pace, STEADY, Traffic};
use crate::harness::wait::pause;

use super::scene::{self, GRACE, Scene, Source, input, output};

const LONG: Duration = Duration::from_secs(4 * GRACE);

/// Streams to all clients, each reading at its pace, and demands that all go on to the end.
fn all_go_on(scene: &Scene, source: Source, sessions: Vec<((Peer, Peer), Pace)>) {
    let streams: Vec<(Traffic, Traffic)> = sessions
        .iter()
        .map(|((client, server), pace)| {
            let stream = traffic::send(&server.wire, output(), STEADY);
            (stream, traffic::read(&client.wire, *pace))
        })
        .collect();
    scene.assert_source(source);
    let read = || streams.iter().map(|(_, reading)| reading.bytes()).collect::<Vec<_>>();
    pause(LONG / 2);
    let half_way = read();
    pause(LONG / 2);
    for (n, (before, after)) in half_way.iter().zip(read()).enumerate() {
        assert!(after > *before, "client {n} read {before}, then {after}");
        assert!(!streams[n].1.has_ended(), "client {n} was cut off");
    }
    scene.assert_nobody_reaped(sessions.len());
}

/// 4 KB/s into the smallest buffers, and 128 KB/s into the default one. Slower into a large buffer
/// would shut the window for longer than the grace: see `harness::namespace`.
pub(crate) fn slow_readers(source: Source) -> Result<(), Failed> {
    let scene = scene::set(source, "")?;
    let narrow = |_| open_over(scene.proxy.connect_narrow(4096), &scene.app, "", "");
    let wide = |_| open(&scene.proxy, &scene.app);
    let sessions = (0..3).map(narrow).map(|s| (s, CRAWL));
    let sessions = sessions.chain((0..3).map(wide).map(|s| (s, Pace::new(32_768, 250))));
    let sessions = sessions.collect();
    all_go_on(&scene, source, sessions);
    Ok(())
}

pub(crate) fn normal_and_paused_readers(source: Source) -> Result<(), Failed> {
    let scene = scene::set(source, "")?;
    let session = |_| open(&scene.proxy, &scene.app);
    let sessions = (0..2).map(session).map(|s| (s, EAGER));
    // Stops for half the grace after each megabyte.
    let paused = Pace::new(1_000_000, 500 * GRACE);
    let sessions = sessions.chain((0..2).map(session).map(|s| (s, paused)));
    let sessions = sessions.collect();
    all_go_on(&scene, source, sessions);
    Ok(())
}

/// Nothing queued is no stall, however long it lasts.
pub(crate) fn idle_sessions(source: Source) -> Result<(), Failed> {
    let scene = scene::set(source, "")?;
    let mut sessions: Vec<_> = (0..3).map(|_| open(&scene.proxy, &scene.app)).collect();
    pause(LONG);
    scene.assert_nobody_reaped(sessions.len());
    for (client, server) in &mut sessions {
        let frame = crate::harness::frame::Frame::text("still here");
        client.send(&frame);
        server.expect(&frame);
    }
    Ok(())
}

/// A client that sends more than its app takes is held up, not stalled; and the app that takes it
/// slowly is alive too.
pub(crate) fn back_pressured_clients(source: Source) -> Result<(), Failed> {
    let scene = scene::set_with(source, App::listen_narrow(4096), "", |setup| setup)?;
    let sessions: Vec<_> = (0..3).map(|_| open(&scene.proxy, &scene.app)).collect();
    let traffic: Vec<(Traffic, Traffic)> = sessions
        .iter()
        .map(|(client, server)| {
            let typing = traffic::send(&client.wire, input(), STEADY);
            (typing, traffic::read(&server.wire, CRAWL))
        })
        .collect();
    pause(LONG);
    for (typing, reading) in &traffic {
        assert!(!typing.has_ended() && !reading.has_ended());
        assert!(typing.bytes() > reading.bytes(), "the client was never held up");
    }
    scene.assert_nobody_reaped(sessions.len());
    Ok(())
}
