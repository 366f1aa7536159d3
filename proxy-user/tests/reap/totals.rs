//! `ebbtide_tcp_*`: what the sockets' rows add up to, while sessions come, stall and go.

use libtest_mimic::Failed;

use crate::harness::frame::Frame;
use crate::harness::metrics::Metrics;
use crate::harness::session::open;
use crate::harness::traffic::{self, STEADY};
use crate::harness::wait::eventually;

use super::scene::{self, Source, await_reset, output};

const PAYLOAD: usize = 300_000;

fn total(metrics: &Metrics, family: &str, leg: &str) -> u64 {
    metrics.count(&format!("ebbtide_tcp_{family}"), &[("app", "demo"), ("leg", leg)])
}

/// Bytes of sessions that are over stay counted, and no total ever goes down.
pub(crate) fn outlive_their_sessions(source: Source) -> Result<(), Failed> {
    let scene = scene::set(source, "")?;
    let mut before = [0; 3];
    for round in 1..=3u64 {
        let (mut client, mut server) = open(&scene.proxy, &scene.app);
        server.send(&Frame::binary(vec![1; PAYLOAD]));
        client.receive();
        client.send(&Frame::binary(vec![2; PAYLOAD]));
        server.receive();
        drop((client, server));
        scene.proxy.await_sessions(0);
        let told = eventually("what went through is counted", || {
            let metrics = scene.proxy.metrics();
            let told = [
                total(&metrics, "acked_bytes_total", "client"),
                total(&metrics, "acked_bytes_total", "app"),
                total(&metrics, "received_bytes_total", "client"),
            ];
            told.iter().all(|&bytes| bytes >= round * PAYLOAD as u64).then_some(told)
        });
        assert!(told.iter().zip(&before).all(|(now, before)| now >= before), "{told:?} {before:?}");
        // A handshake and frame headers are all that comes on top.
        let most = round * (PAYLOAD as u64 + 4096);
        assert!(told.iter().all(|&bytes| bytes < most), "{told:?} in round {round}");
        before = told;
    }
    Ok(())
}

/// A closed window is seen while it lasts, with its cause, and is gone with its session.
pub(crate) fn show_a_closed_window(source: Source) -> Result<(), Failed> {
    let scene = scene::set(source, "")?;
    let (client, server) = open(&scene.proxy, &scene.app);
    let _stream = traffic::send(&server.wire, output(), STEADY);
    eventually("a closed window with a full queue", || {
        let metrics = scene.proxy.metrics();
        let closed = total(&metrics, "zero_window", "client") == 1;
        (closed && total(&metrics, "queued_bytes", "client") > 0).then_some(())
    });
    let cause = eventually("the session says what it waits for", || {
        let sessions = scene.proxy.sessions();
        sessions.first()?["legs"]["client"]["waiting"]["cause"].as_str().map(str::to_owned)
    });
    assert_eq!(cause, "closed window");
    await_reset(&client.wire);
    scene.proxy.await_sessions(0);
    let metrics = scene.proxy.metrics();
    assert_eq!(total(&metrics, "zero_window", "client"), 0);
    assert_eq!(total(&metrics, "queued_bytes", "client"), 0);
    let lines = scene.proxy.log().fields("reaped");
    assert_eq!(lines[0]["cause"], "closed window", "{lines:?}");
    Ok(())
}
