//! What becomes of apps when Ebbtide ends.

use std::process::Command;

use crate::harness::app::App;
use crate::harness::http::{Head, Message, ok, request};
use crate::harness::setup::Setup;
use crate::harness::wait::eventually;
use crate::scene::{Notes, OPENS, await_state, get, runs, setup};

#[test]
fn a_told_ebbtide_stops_its_apps() {
    let notes = Notes::new();
    let mut proxy = setup(&notes.command(0.0), "", "").key("drain = \"1s\"").start();
    assert_eq!(get(&proxy, "/", "").status(), 200);
    assert!(runs(&notes));
    proxy.terminate();
    assert_eq!(proxy.exit_code(), Some(0));
    assert!(!runs(&notes));
}

#[test]
fn who_waits_is_told_that_ebbtide_leaves() {
    let notes = Notes::new();
    let mut proxy = setup(&notes.command(3600.0), "", "ready_timeout = \"1h\"").start();
    let mut waiting = proxy.connect();
    waiting.send(request("GET", "a.test", "/", ""));
    await_state(&proxy, "starting");
    proxy.terminate();
    let answer = Message::read_response(&mut waiting, "GET");
    assert_eq!((answer.assert_own(503), answer.head.get("retry-after")), ("draining", Some("1")));
    assert_eq!(proxy.exit_code(), Some(0));
    assert!(!runs(&notes));
}

#[test]
fn nobody_starts_an_app_for_an_ebbtide_that_leaves() {
    let notes = Notes::new();
    let busy = App::listen();
    let setup = setup(&notes.command(0.0), "path = \"/demo\"", "").app("busy", busy.address(), "");
    let mut proxy = setup.start();
    let mut kept = proxy.connect();
    kept.send(request("GET", "a.test", "/", ""));
    let mut asked = busy.accept();
    Head::read(&mut asked);
    proxy.terminate();
    eventually("it drains", || (proxy.admin("/readyz", "").status() == 503).then_some(()));
    for fields in ["", OPENS] {
        assert_eq!(get(&proxy, "/demo/", fields).assert_own(503), "draining");
    }
    assert_eq!(notes.starts(), 0);
    asked.send(ok("done"));
    assert_eq!(Message::read_response(&mut kept, "GET").status(), 200);
    drop(kept);
    assert_eq!(proxy.exit_code(), Some(0));
    assert_eq!(notes.starts(), 0);
}

#[test]
fn an_app_that_is_served_no_longer_is_stopped() {
    let notes = Notes::new();
    let other = App::listen();
    let both = setup(&notes.command(0.0), "path = \"/demo\"", "").app("other", other.address(), "");
    let proxy = both.start();
    assert_eq!(get(&proxy, "/demo/", "").status(), 200);
    assert!(runs(&notes));
    proxy.reconfigure(&Setup::new().app("other", other.address(), ""));
    eventually("it has ended", || (!runs(&notes)).then_some(()));
}

#[test]
fn a_killed_ebbtide_leaves_no_app_behind() {
    let notes = Notes::new();
    let setup = setup(&notes.command(0.0), "", "");
    let mut proxy = setup.start();
    assert_eq!(get(&proxy, "/", "").status(), 200);
    let killed = Command::new("kill").args(["-KILL", &proxy.id().to_string()]).status().unwrap();
    assert!(killed.success());
    eventually("Ebbtide has ended", || proxy.has_ended().then_some(()));
    eventually("its app has ended", || (!runs(&notes)).then_some(()));
    let next = setup.start();
    await_state(&next, "suspended");
    assert_eq!(get(&next, "/", "").status(), 200);
    assert_eq!(notes.starts(), 2);
}
