//! Open tabs of an app that is due to be suspended, but cannot be.

use std::os::unix::fs::PermissionsExt;

use crate::harness::app::{App, Served};
use crate::harness::frame::Frame;
use crate::harness::http::{Message, ok};
use crate::harness::proxy::Proxy;
use crate::harness::scratch::Scratch;
use crate::harness::session::{Peer, Role, consent, upgrade};
use crate::harness::setup::Setup;
use crate::harness::wait::started;

/// An app that always runs, and echoes what sessions send.
fn app() -> Served {
    App::listen().serve(|mut wire| {
        if !matches!(wire.fill(), Ok(1..)) {
            return;
        }
        if Message::read_request(&mut wire).head.get("upgrade").is_none() {
            let _ = wire.try_send(ok("page"));
            return;
        }
        wire.send(consent(""));
        let mut session = Peer::new(wire, Role::App);
        while !session.wire.held().is_empty() || matches!(session.wire.fill(), Ok(1..)) {
            let frame = session.receive();
            session.send(&frame);
            if frame.close_code().is_some() {
                return;
            }
        }
    })
}

fn start(app: &Served, idle_after: &str, driver: &str) -> Proxy {
    let lines = format!("idle_after = {idle_after:?}\n[app.driver]\n{driver}\n");
    Setup::new().app("demo", app.address, &lines).start()
}

fn tab(proxy: &Proxy) -> Peer {
    let mut wire = proxy.connect();
    wire.send(upgrade("a.test", "/socket", ""));
    assert_eq!(Message::read_response(&mut wire, "GET").status(), 101);
    proxy.await_sessions(1);
    Peer::new(wire, Role::Client)
}

fn await_failure(proxy: &Proxy) {
    started("it cannot be suspended", || {
        let failures = proxy.metrics().count("ebbtide_suspends_total", &[("result", "failure")]);
        (failures == 1).then_some(())
    });
}

/// The tab was told nothing, and can be used.
fn assert_untouched(proxy: &Proxy, tab: &mut Peer) {
    tab.send(&Frame::text("still there"));
    tab.expect(&Frame::text("still there"));
    let log = proxy.log().text();
    assert!(log.contains("cannot suspend the app; it goes on running"), "{log}");
}

/// A control plane that cannot be reached.
fn unreachable() -> String {
    format!("kind = \"http\"\nurl = \"http://{}/apps/{{app}}\"", App::listen().address())
}

fn command(folder: &Scratch, suspend: &str, state: &str) -> String {
    let folder = folder.path().display().to_string();
    format!(
        "kind = \"command\"\ndir = {folder:?}\nwake = [\"true\"]\nsuspend = {suspend}\n\
         state = [\"sh\", \"-c\", {state:?}]\nstop_timeout = \"1s\""
    )
}

#[test]
fn tabs_stay_open_if_it_is_clear_that_the_app_cannot_be_stopped() {
    let folder = Scratch::new();
    folder.file("no-program", "");
    let running = "echo running";
    for driver in [
        unreachable(),
        command(&folder, "[\"./missing\"]", running),
        command(&folder, "[\"no-such-program\"]", running),
        command(&folder, "[\"./no-program\"]", running),
        command(&folder, "[\"true\"]", "test ! -e blind && echo running"),
    ] {
        let app = app();
        let proxy = start(&app, "2s", &driver);
        let mut tab = tab(&proxy);
        folder.file("blind", "");
        await_failure(&proxy);
        assert_untouched(&proxy, &mut tab);
        std::fs::remove_file(folder.path().join("blind")).unwrap();
    }
}

/// An operator does not cut them in vain either.
#[test]
fn tabs_stay_open_if_an_operator_asks_for_what_cannot_be_done() {
    let app = app();
    let proxy = start(&app, "1h", &unreachable());
    let mut tab = tab(&proxy);
    let asked = proxy.ask_admin("POST", "/api/apps/demo/suspend", "");
    assert_eq!(asked.status(), 202, "{asked:?}");
    await_failure(&proxy);
    assert_untouched(&proxy, &mut tab);
}

/// Once the app can be stopped, they are told.
#[test]
fn tabs_are_told_once_the_app_can_be_stopped() {
    let (app, folder) = (app(), Scratch::new());
    let state = "if test -e down; then echo suspended; else echo running; fi";
    let proxy = start(&app, "2s", &command(&folder, "[\"./suspend\"]", state));
    let mut tab = tab(&proxy);
    await_failure(&proxy);
    assert_untouched(&proxy, &mut tab);
    let program = folder.file("suspend", "#!/bin/sh\ntouch down\n");
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
    let asked = proxy.ask_admin("POST", "/api/apps/demo/suspend", "");
    assert_eq!(asked.status(), 202, "{asked:?}");
    assert_eq!(tab.close_frame(), (1001, "suspended".to_owned()));
    crate::scene::await_state(&proxy, "suspended");
}
