//! Peers whose kernels go on acknowledging while nobody is at home.

use libtest_mimic::Failed;

use crate::harness::frame::CLOSE;
use crate::harness::session::{Peer, open};
use crate::harness::source::Source;
use crate::harness::wait::eventually;
use crate::harness::wire::End;
use crate::scene::{self, Scene, next};

/// The frozen side's connection was reset, and one reap is counted on its leg, with its cause in the log.
fn assert_reaped(scene: &Scene, leg: &str, frozen: &mut Peer) {
    assert_eq!(frozen.wire.rest().1, End::Reset);
    eventually("the reap is counted", || (scene.reaped(leg, "unreachable") == 1).then_some(()));
    assert_eq!(scene.proxy.metrics().count("ebbtide_reaped_total", &[]), 1);
    let logged = || scene.proxy.log().fields("reaped").into_iter().next();
    let line = eventually("the reap is logged", logged);
    assert_eq!((&line["leg"], &line["cause"]), (&leg.into(), &"no pong".into()), "{line}");
}

/// Contract: "client leg reset at once, app leg gets Close 1001 \"client unreachable\"".
pub(crate) fn client(source: Source) -> Result<(), Failed> {
    let scene = scene::set(source)?;
    let (mut client, mut server) = open(&scene.proxy, &scene.app);
    let close = next(&mut server);
    assert_eq!((close.opcode, close.close_code()), (CLOSE, Some(1001)), "{close:?}");
    assert_eq!(close.close_reason(), "client unreachable");
    assert_eq!(server.finish(1001), End::Fin);
    assert_reaped(&scene, "client", &mut client);
    Ok(())
}

/// Contract: "app leg stalled or dead: client gets Close 1014".
pub(crate) fn app(source: Source) -> Result<(), Failed> {
    let scene = scene::set(source)?;
    let (mut client, mut server) = open(&scene.proxy, &scene.app);
    let close = next(&mut client);
    assert_eq!((close.opcode, close.close_code()), (CLOSE, Some(1014)), "{close:?}");
    assert_eq!(close.close_reason(), "app unreachable");
    assert_eq!(client.finish(1014), End::Fin);
    assert_reaped(&scene, "app", &mut server);
    Ok(())
}
