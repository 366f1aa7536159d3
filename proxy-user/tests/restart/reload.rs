//! SIGHUP and a changed file: what is open stays open, what is wrong changes nothing.

use std::net::TcpStream;
use std::time::Duration;

use libtest_mimic::Failed;

use crate::harness::app::App;
use crate::harness::frame::Frame;
use crate::harness::proxy::Proxy;
use crate::harness::scratch::Scratch;
use crate::harness::session::{Peer, open, open_over};
use crate::harness::setup::Setup;
use crate::harness::wait::{eventually, pause};
use crate::harness::wire::Wire;
use crate::load::{self, Load};

/// An app for sessions at one host, and the load's at every other.
fn setup(app: &App, load: &crate::harness::app::HttpApp) -> Setup {
    let setup = Setup::new().app("demo", app.address(), "hosts = [\"demo.test\"]");
    setup.app("load", load.address(), "")
}

fn reloads(proxy: &Proxy, result: &str) -> u64 {
    proxy.metrics().count("ebbtide_config_reloads_total", &[("result", result)])
}

/// Bytes flow both ways in each of them.
fn flow(sessions: &mut [(Peer, Peer)]) {
    for (number, (client, server)) in sessions.iter_mut().enumerate() {
        let frame = Frame::text(&format!("session {number}"));
        client.send(&frame);
        server.expect(&frame);
        server.send(&frame);
        client.expect(&frame);
    }
}

pub(crate) fn on_sighup_and_on_a_change() -> Result<(), Failed> {
    let (app, load_app) = (App::listen(), load::app());
    let setup = setup(&app, &load_app);
    let proxy = setup.start();
    let mut sessions: Vec<_> = (0..20).map(|_| open(&proxy, &app)).collect();
    let load = Load::start(proxy.address());
    for round in 1..=10 {
        // What changes is an app that comes, goes and comes again.
        let more = match round % 2 {
            1 => setup.clone().app("more", app.address(), "hosts = [\"more.test\"]"),
            _ => setup.clone(),
        };
        match round {
            1..=5 => proxy.reconfigure(&more),
            // The file is looked at once a second.
            _ => proxy.rewrite(&more.toml()),
        }
        eventually("the app has come or gone", || {
            let known = proxy.admin("/api/apps/more", "").status() == 200;
            (known == (round % 2 == 1)).then_some(())
        });
        flow(&mut sessions);
        load.go_on();
    }
    load.assert_whole("ten reloads");
    assert_eq!(reloads(&proxy, "failure"), 0);
    assert!(reloads(&proxy, "success") >= 10);
    assert_eq!(proxy.sessions().len(), sessions.len());
    flow(&mut sessions);
    Ok(())
}

pub(crate) fn a_mistake_changes_nothing() -> Result<(), Failed> {
    let (app, load_app) = (App::listen(), load::app());
    let setup = setup(&app, &load_app);
    let proxy = setup.start();
    let mut sessions: Vec<_> = (0..5).map(|_| open(&proxy, &app)).collect();
    let load = Load::start(proxy.address());
    // What is right in it would take the sessions' app away.
    proxy.reconfigure(&Setup::new().app("load", load_app.address(), "max_sesions = 3"));
    eventually("a reload fails", || (reloads(&proxy, "failure") > 0).then_some(()));
    let told = proxy.log().fields("configuration refused; the one before stays in force");
    assert!(!told.is_empty(), "{}", proxy.log().text());
    let names = |word| proxy.log().text().contains(word);
    assert!(names("max_sesions") && names("max_sessions") && names("ebbtide.toml:"), "says what");
    assert_eq!(proxy.admin("/api/apps/demo", "").status(), 200);
    flow(&mut sessions);
    sessions.push(open(&proxy, &app));
    load.go_on();
    proxy.reconfigure(&setup);
    eventually("a reload succeeds", || (reloads(&proxy, "success") > 0).then_some(()));
    flow(&mut sessions);
    load.assert_whole("a mistake and its correction");
    Ok(())
}

/// However often the file is written, and whoever asks for the reload.
pub(crate) fn a_mistake_is_told_once() -> Result<(), Failed> {
    let (app, scratch) = (App::listen(), Scratch::new());
    let setup = Setup::demo(app.address());
    let proxy = setup.start();
    let wrong = setup.clone().key("max_sesions = 3");
    let refused = || proxy.log().fields("configuration refused; the one before stays in force");
    proxy.reconfigure(&wrong);
    eventually("a reload fails", || (reloads(&proxy, "failure") > 0).then_some(()));
    for round in 2..5 {
        proxy.rewrite(&wrong.toml());
        eventually("it fails again", || (reloads(&proxy, "failure") >= round).then_some(()));
    }
    assert_eq!(refused().len(), 1, "{}", proxy.log().text());
    // Another mistake is news, and so is an answer to who asks.
    proxy.rewrite(&setup.clone().key("max_sesion = 3").toml());
    eventually("another mistake is told", || (refused().len() == 2).then_some(()));
    proxy.reconfigure(&setup.clone().key("max_sesion = 3"));
    eventually("who asks is answered", || (refused().len() == 3).then_some(()));
    // One change is one reload, also where it names a file that was not watched before.
    let token = scratch.file("token", "s3cret\n").display().to_string();
    proxy.rewrite(&setup.key(&format!("admin_token_file = {token:?}")).toml());
    let reloaded = || proxy.log().fields("configuration reloaded");
    eventually("it is reloaded", || (!reloaded().is_empty()).then_some(()));
    pause(Duration::from_secs(4));
    assert_eq!((reloaded().len(), refused().len()), (1, 3), "{}", proxy.log().text());
    Ok(())
}

pub(crate) fn addresses_come_and_go() -> Result<(), Failed> {
    let (app, load_app) = (App::listen(), load::app());
    let setup = setup(&app, &load_app);
    let proxy = setup.start();
    let load = Load::start(proxy.address());
    let second = App::listen().address();
    let both = setup.clone().listen_also(&second.to_string());
    let mut sessions = vec![open(&proxy, &app)];
    for _ in 0..3 {
        proxy.reconfigure(&both);
        let stream = eventually("it listens there", || TcpStream::connect(second).ok());
        sessions.push(open_over(Wire::over(stream), &app, "", ""));
        proxy.reconfigure(&setup);
        eventually("it listens there no longer", || TcpStream::connect(second).err());
        flow(&mut sessions);
    }
    load.assert_whole("an address that comes and goes");
    assert_eq!(reloads(&proxy, "failure"), 0);
    Ok(())
}
