//! When and where pings go out, and that nobody behind the proxy sees anything of it.

use std::time::Duration;

use libtest_mimic::Failed;

use crate::harness::app::App;
use crate::harness::frame::{BINARY, CONTINUATION, Frame, PONG, header};
use crate::harness::session::{Peer, open};
use crate::harness::source::Source;
use crate::harness::wait::{eventually, pause};
use crate::scene::{self, Scene, TIMEOUT, answer, next, own_ping, pong};

/// Both peers are pinged and answer; neither sees the other's pongs, and nothing of it counts.
pub(crate) fn both_legs(source: Source) -> Result<(), Failed> {
    let scene = scene::set(source)?;
    let (mut client, mut server) = open(&scene.proxy, &scene.app);
    let mut payloads = Vec::new();
    for _ in 0..2 {
        for peer in [&mut client, &mut server] {
            let ping = own_ping(peer);
            pong(peer, &ping);
            payloads.push(ping.payload);
        }
    }
    payloads.sort();
    payloads.dedup();
    assert_eq!(payloads.len(), 4, "no payload comes twice: {payloads:?}");
    eventually("the pongs are counted", || {
        let metrics = scene.proxy.metrics();
        (metrics.count("ebbtide_ping_rtt_seconds_count", &[]) >= 4).then_some(())
    });
    let metrics = scene.proxy.metrics();
    assert!(scene.pings("client") >= 2 && scene.pings("app") >= 2);
    assert_eq!(metrics.count("ebbtide_frames_total", &[]), 0, "no frame is theirs");
    assert_eq!(metrics.count("ebbtide_activity_total", &[("reason", "input")]), 0);
    assert_eq!(metrics.count("ebbtide_activity_total", &[("reason", "output")]), 0);
    let words = Frame::text("the first frame");
    client.send(&words);
    assert_eq!(next(&mut server), words);
    server.send(&words);
    assert_eq!(next(&mut client), words);
    scene.assert_nobody_reaped();
    Ok(())
}

/// The app sends all the time and the client never: the client is pinged, and so is the app, which
/// hears nothing.
pub(crate) fn one_direction(source: Source) -> Result<(), Failed> {
    let scene = scene::set(source)?;
    let (mut client, mut server) = open(&scene.proxy, &scene.app);
    let before = (scene.pings("client"), scene.pings("app"));
    eventually("both are pinged", || {
        server.send(&Frame::text("news"));
        assert_eq!(next(&mut client), Frame::text("news"));
        answer(&mut server);
        let now = (scene.pings("client"), scene.pings("app"));
        (now.0 > before.0 + 1 && now.1 > before.1 + 1).then_some(())
    });
    Ok(())
}

/// Pings and pongs of the peers' own go through, whatever they carry.
pub(crate) fn foreign_ones_pass(source: Source) -> Result<(), Failed> {
    let scene = scene::set(source)?;
    let (mut client, mut server) = open(&scene.proxy, &scene.app);
    let ping = own_ping(&mut client);
    pong(&mut client, &ping);
    for payload in ["", "12345678", "ebb", "a longer one than ours"] {
        client.send(&Frame::ping(payload));
        client.send(&Frame::new(PONG, payload));
        assert_eq!(next(&mut server), Frame::ping(payload));
        assert_eq!(next(&mut server), Frame::new(PONG, payload));
        server.send(&Frame::ping(payload));
        server.send(&Frame::new(PONG, payload));
        assert_eq!(next(&mut client), Frame::ping(payload));
        assert_eq!(next(&mut client), Frame::new(PONG, payload));
    }
    // Another's, though it looks like one of ours.
    client.send(&Frame::new(PONG, "ebb12345"));
    assert_eq!(next(&mut server), Frame::new(PONG, "ebb12345"));
    let control = [("direction", "input"), ("kind", "control")];
    assert_eq!(scene.proxy.metrics().count("ebbtide_frames_total", &control), 9);
    Ok(())
}

/// RFC 6455 section 5.4: "Control frames MAY be injected in the middle of a fragmented message."
pub(crate) fn between_fragments(source: Source) -> Result<(), Failed> {
    let scene = scene::set(source)?;
    let (mut client, mut server) = open(&scene.proxy, &scene.app);
    let begin = Frame::binary("begin").unfinished();
    server.send(&begin);
    assert_eq!(next(&mut client), begin);
    let ping = own_ping(&mut client);
    pong(&mut client, &ping);
    server.send(&Frame::new(CONTINUATION, "end"));
    assert_eq!(next(&mut client), Frame::new(CONTINUATION, "end"));
    Ok(())
}

/// A frame crawls for longer than the timeout: the client, whom nobody can ping meanwhile, is not blamed
/// for its silence. The ping comes right behind the frame.
pub(crate) fn never_inside_a_frame(source: Source) -> Result<(), Failed> {
    let scene = scene::set(source)?;
    let (mut client, mut server) = open(&scene.proxy, &scene.app);
    let mut frame = header(0x80 | BINARY, 1000, None);
    frame.extend([7; 1000]);
    let begin = 500;
    server.wire.send(&frame[..begin]);
    let before = scene.pings("client");
    let sent = eventually_sent(&scene, &mut server, &frame[begin..]);
    assert_eq!(scene.pings("client"), before, "pings inside a frame");
    scene.assert_nobody_reaped();
    server.wire.send(&frame[begin + sent..]);
    assert_eq!(next(&mut client), Frame::binary([7; 1000]));
    own_ping(&mut client);
    Ok(())
}

/// Sends single bytes until the app has been pinged for twice the timeout, and gives their number.
fn eventually_sent(scene: &Scene, server: &mut Peer, bytes: &[u8]) -> usize {
    let goal = scene.pings("app") + 2 * TIMEOUT.as_secs();
    let mut bytes = bytes.iter();
    let all = bytes.len();
    eventually("the app is pinged on and on", || {
        server.wire.send([*bytes.next().expect("more pings than bytes")]);
        pause(Duration::from_millis(100));
        (scene.pings("app") >= goal).then_some(())
    });
    all - bytes.len()
}

/// A frame under way from the client leaves the client's own pings room.
pub(crate) fn beside_a_frame(source: Source) -> Result<(), Failed> {
    let scene = scene::set(source)?;
    let (mut client, mut server) = open(&scene.proxy, &scene.app);
    let mut frame = header(0x80 | BINARY, 1 << 20, Some([0; 4]));
    frame.extend(vec![7; 1 << 20]);
    let (most, rest) = frame.split_at(frame.len() - 100);
    let mut at = 0;
    // Bytes come all the time, so that the frame is life though it is no answer.
    let pings = (0..3).map(|_| {
        let upto = (at + most.len() / 4).min(most.len());
        client.wire.send(&most[at..upto]);
        at = upto;
        own_ping(&mut client)
    });
    let pings: Vec<Frame> = pings.collect();
    client.wire.send(&most[at..]);
    client.wire.send(rest);
    pings.iter().for_each(|ping| pong(&mut client, ping));
    assert_eq!(next(&mut server).payload, vec![7; 1 << 20]);
    client.send(&Frame::text("behind the pongs"));
    assert_eq!(next(&mut server), Frame::text("behind the pongs"));
    Ok(())
}

/// Sessions that live are pinged from the next sweep on.
pub(crate) fn reload(source: Source) -> Result<(), Failed> {
    let scene = scene::set_with(source, App::listen(), "off")?;
    let (mut client, _server) = open(&scene.proxy, &scene.app);
    pause(Duration::from_millis(1500));
    assert_eq!(scene.pings("client"), 0);
    scene.proxy.reconfigure(&scene::setup(source, &scene.app, "1s"));
    own_ping(&mut client);
    Ok(())
}
