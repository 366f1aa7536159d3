//! Peers that stopped reading for good.

use libtest_mimic::Failed;

use crate::harness::frame::{Frame, header};
use crate::harness::http::Message;
use crate::harness::session::{open, open_with, upgrade};
use crate::harness::traffic::{self, EAGER, STEADY};
use crate::harness::wait::eventually;

use super::scene::{self, Source, await_reset, input, output};

pub(crate) fn clients_are_reaped(source: Source) -> Result<(), Failed> {
    let scene = scene::set(source, "")?;
    let (live, theirs) = open(&scene.proxy, &scene.app);
    let _stream = traffic::send(&theirs.wire, output(), STEADY);
    let reading = traffic::read(&live.wire, EAGER);
    let mut frozen: Vec<_> = (0..3).map(|_| open(&scene.proxy, &scene.app)).collect();
    let streams: Vec<_> =
        frozen.iter().map(|(_, server)| traffic::send(&server.wire, output(), STEADY)).collect();
    scene.assert_source(source);
    for (client, server) in &mut frozen {
        await_reset(&client.wire);
        assert_eq!(server.expect_close(1001), "client stalled");
    }
    drop(streams);
    for (_, server) in frozen {
        server.finish(1001);
    }
    scene.proxy.await_sessions(1);
    assert_eq!((scene.reaped("client", "stalled"), scene.reaped("client", "")), (3, 3));
    assert_eq!(scene.reaped("app", ""), 0, "the app was not to blame");
    let before = reading.bytes();
    eventually("the live client goes on", || (reading.bytes() > before + 100_000).then_some(()));
    Ok(())
}

/// The story that the project began with: one seat, held by a client that no longer reads.
pub(crate) fn seat_is_freed(source: Source) -> Result<(), Failed> {
    let scene = scene::set(source, "max_sessions = 1")?;
    let (client, server) = open(&scene.proxy, &scene.app);
    let _stream = traffic::send(&server.wire, output(), STEADY);
    let mut second = scene.proxy.connect();
    second.send(upgrade("demo.test", "/", ""));
    Message::read_response(&mut second, "GET").assert_own(503);
    await_reset(&client.wire);
    scene.proxy.await_sessions(0);
    let (mut client, mut server) = open_with(&scene.proxy, &scene.app, "", "");
    client.send(&Frame::text("at last"));
    server.expect(&Frame::text("at last"));
    Ok(())
}

pub(crate) fn app_is_reaped(source: Source) -> Result<(), Failed> {
    let scene = scene::set(source, "")?;
    let (mut client, server) = open(&scene.proxy, &scene.app);
    let typing = traffic::send(&client.wire, input(), STEADY);
    client.expect_close(1014);
    drop(typing);
    client.finish(1014);
    scene.proxy.await_sessions(0);
    assert_eq!((scene.reaped("app", "stalled"), scene.reaped("client", "")), (1, 0));
    drop(server);
    Ok(())
}

/// The reset frees the queue whatever is in it: no frame has to end first.
pub(crate) fn inside_a_frame(source: Source) -> Result<(), Failed> {
    let scene = scene::set(source, "")?;
    let (client, mut server) = open(&scene.proxy, &scene.app);
    server.wire.send(header(0x82, 1 << 40, None));
    let _stream = traffic::send(&server.wire, vec![0x5A; 4096], STEADY);
    await_reset(&client.wire);
    assert_eq!(server.expect_close(1001), "client stalled");
    assert_eq!(scene.reaped("client", "stalled"), 1);
    Ok(())
}
