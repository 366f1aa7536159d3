//! A client in a network namespace of its own, behind a cable that can be cut.

use std::time::Duration;

use libtest_mimic::Failed;

use crate::harness::app::App;
use crate::harness::namespace::Namespace;
use crate::harness::session::{Peer, open_over};
use crate::harness::traffic::{self, EAGER, Pace, STEADY};
use crate::harness::wait::{eventually, pause};

use super::scene::{self, GRACE, Scene, Source, output};

/// The proxy and its app on one side, clients on the other.
struct Sides {
    scene: Scene,
    far: Namespace,
}

fn sides(source: Source) -> Result<Sides, Failed> {
    let (near, far) = (Namespace::create()?, Namespace::create()?);
    Namespace::join(&near, &far)?;
    let app = near.inside(App::listen);
    let place = |setup: crate::harness::setup::Setup| setup.listen("10.111.0.1:0").namespace(&near);
    let scene = scene::set_with(source, app, "", place)?;
    Ok(Sides { scene, far })
}

impl Sides {
    fn open(&self) -> (Peer, Peer) {
        let wire =
            self.far.inside(|| crate::harness::wire::Wire::connect(self.scene.proxy.address()));
        open_over(wire, &self.scene.app, "", "")
    }
}

/// Half open: the far side vanishes in mid-stream without a FIN or RST.
pub(crate) fn cut(source: Source) -> Result<(), Failed> {
    let sides = sides(source)?;
    let (client, mut server) = sides.open();
    let stream = traffic::send(&server.wire, output(), STEADY);
    let reading = traffic::read(&client.wire, EAGER);
    eventually("the stream flows", || (reading.bytes() > 100_000).then_some(()));
    sides.scene.assert_source(source);
    sides.far.ip(&["link", "set", "wire", "down"])?;
    assert_eq!(server.expect_close(1001), "client unreachable");
    drop(stream);
    server.finish(1001);
    sides.scene.proxy.await_sessions(0);
    assert_eq!(
        (sides.scene.reaped("client", "unreachable"), sides.scene.reaped("app", "")),
        (1, 0)
    );
    let lines = sides.scene.proxy.log().fields("reaped");
    assert_eq!(lines[0]["cause"], "lost path", "{lines:?}");
    Ok(())
}

/// Default buffers and segments of a wire's size, 32 KB/s.
pub(crate) fn slow_readers(source: Source) -> Result<(), Failed> {
    let sides = sides(source)?;
    let (client, server) = sides.open();
    let _stream = traffic::send(&server.wire, output(), STEADY);
    let reading = traffic::read(&client.wire, Pace::new(8192, 250));
    pause(Duration::from_secs(4 * GRACE));
    assert!(!reading.has_ended() && reading.bytes() > 0);
    sides.scene.assert_nobody_reaped(1);
    Ok(())
}
