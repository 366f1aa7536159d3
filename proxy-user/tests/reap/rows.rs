//! The table has an end: rows come back when sessions close, and who finds it full is polled.

use libtest_mimic::Failed;

use crate::harness::app::App;
use crate::harness::session::{Peer, open};
use crate::harness::traffic::{self, STEADY};

use super::scene::{self, Scene, Source, await_reset, output};

fn small_table(source: Source, legs: usize) -> Result<Scene, Failed> {
    scene::set_with(source, App::listen(), "", |setup| setup.sockets(&format!("max_legs = {legs}")))
}

/// Ten times more sessions than the table has room for, one after the other: the last is read by
/// the same source as the first.
pub(crate) fn are_given_back(source: Source) -> Result<(), Failed> {
    let scene = small_table(source, 8)?;
    for n in 0..40 {
        let (client, server) = open(&scene.proxy, &scene.app);
        scene.assert_source(source);
        match n % 4 {
            0 => drop((client, server)),
            1 => client.wire.reset(),
            2 => server.wire.reset(),
            _ => drop((server, client)),
        }
        scene.proxy.await_sessions(0);
    }
    Ok(())
}

/// More sessions than rows: all work, all are watched, whoever writes their rows.
pub(crate) fn full_table(source: Source) -> Result<(), Failed> {
    let scene = small_table(source, 4)?;
    let sessions: Vec<(Peer, Peer)> = (0..4).map(|_| open(&scene.proxy, &scene.app)).collect();
    // A client may have its 101 before its session is listed.
    scene.proxy.await_sessions(4);
    if source == Source::Ebpf {
        let told = scene.proxy.sessions();
        let sources =
            told.iter().flat_map(|s| ["client", "app"].map(|leg| &s["legs"][leg]["source"]));
        let (rows, polled): (Vec<_>, Vec<_>) = sources.partition(|s| **s == "ebpf");
        assert_eq!((rows.len(), polled.len()), (4, 4), "{told:?}");
    }
    let streams: Vec<_> =
        sessions.iter().map(|(_, server)| traffic::send(&server.wire, output(), STEADY)).collect();
    for (client, _) in &sessions {
        await_reset(&client.wire);
    }
    drop((streams, sessions));
    scene.proxy.await_sessions(0);
    assert_eq!(scene.reaped("client", "stalled"), 4);
    Ok(())
}
