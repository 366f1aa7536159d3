//! `--takeover PID`: another process comes to the same addresses, takes all new connections, and the one
//! before drains.

use libtest_mimic::Failed;

use crate::harness::command::{ebbtide, finish};
use crate::harness::frame::Frame;
use crate::harness::scratch::Scratch;
use crate::harness::session::{Peer, open, open_over};
use crate::harness::setup::Setup;
use crate::harness::wire::{End, Wire};
use crate::load::{self, Load};

fn setup(app: &crate::harness::app::App, load: &crate::harness::app::HttpApp) -> Setup {
    let setup = Setup::new().key("drain = \"2s\"");
    let setup = setup.app("demo", app.address(), "hosts = [\"demo.test\"]");
    setup.app("load", load.address(), "")
}

fn told(sessions: Vec<(Peer, Peer)>) {
    for (mut client, mut server) in sessions {
        client.expect_close(1012);
        server.expect_close(1012);
        assert_eq!((client.finish(1012), server.finish(1012)), (End::Fin, End::Fin));
    }
}

pub(crate) fn three_in_a_row() -> Result<(), Failed> {
    let (app, load_app) = (crate::harness::app::App::listen(), load::app());
    let setup = setup(&app, &load_app);
    let mut proxy = setup.start();
    let load = Load::start(proxy.address());
    for _ in 0..3 {
        let sessions: Vec<_> = (0..10).map(|_| open(&proxy, &app)).collect();
        proxy.await_sessions(10);
        let successor = setup.clone().takeover(&proxy).start();
        // While the one before still drains.
        let mut new = open_over(Wire::connect(proxy.address()), &app, "", "");
        told(sessions);
        assert_eq!(proxy.exit_code(), Some(0));
        load.go_on();
        new.0.send(&Frame::text("goes on"));
        new.1.expect(&Frame::text("goes on"));
        assert_eq!(successor.sessions().len(), 1);
        drop(new);
        successor.await_sessions(0);
        proxy = successor;
    }
    load.assert_whole("three takeovers");
    Ok(())
}

/// A third process that comes while the first still drains is told to wait, and disturbs nobody.
pub(crate) fn one_at_a_time() -> Result<(), Failed> {
    let (app, load_app) = (crate::harness::app::App::listen(), load::app());
    let setup = setup(&app, &load_app);
    let mut first = setup.start();
    let sessions = vec![open(&first, &app)];
    let load = Load::start(first.address());
    let second = setup.clone().takeover(&first).start();
    let scratch = Scratch::new();
    let config = scratch.file("third.toml", &setup.takeover(&second).toml());
    let mut third = ebbtide();
    third.args(["run", "--takeover", &second.id().to_string(), "--config"]).arg(config);
    let outcome = finish(&mut third);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.stderr.contains("wait until"), "{outcome:?}");
    told(sessions);
    assert_eq!(first.exit_code(), Some(0));
    load.go_on();
    load.assert_whole("a takeover and one too many");
    Ok(())
}
