//! What becomes of apps when Ebbtide ends.

use std::process::Command;

use crate::harness::app::App;
use crate::harness::cgroup::Cgroup;
use crate::harness::http::{Head, Message, ok, request};
use crate::harness::proxy::Proxy;
use crate::harness::session::upgrade;
use crate::harness::setup::Setup;
use crate::harness::wait::eventually;
use crate::scene::{Notes, OPENS, await_state, get, running, runs, setup};

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
    assert_eq!(notes.lines("told"), ["SIGTERM"]);
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

/// Three run, with sessions, and one is on its way.
#[test]
fn after_a_kill_everything_begins_anew_and_once() {
    let notes: Vec<Notes> = (0..4).map(|_| Notes::new()).collect();
    let cgroup = Cgroup::create().ok();
    let mut setup = Setup::new();
    for (index, notes) in notes.iter().enumerate() {
        let command = notes.command(if index == 3 { 3600.0 } else { 0.0 });
        setup = setup.section(&format!(
            "[[app]]\nname = \"app-{index}\"\nhosts = [\"{index}.test\"]\n[app.driver]\n\
             kind = \"process\"\ncommand = {command:?}\nready_timeout = \"1h\"\n"
        ));
    }
    if let Some(cgroup) = &cgroup {
        setup = setup.cgroup(cgroup);
    }
    let open = |proxy: &Proxy, index: usize| {
        let mut wire = proxy.connect();
        wire.send(upgrade(&format!("{index}.test"), "/socket", ""));
        assert_eq!(Message::read_response(&mut wire, "GET").status(), 101);
        wire
    };
    let mut proxy = setup.start();
    let sessions: Vec<_> = (0..3).map(|index| open(&proxy, index)).collect();
    let mut waiting = proxy.connect();
    waiting.send(request("GET", "3.test", "/", ""));
    eventually("the fourth is on its way", || (notes[3].starts() == 1).then_some(()));
    assert!(notes.iter().all(runs));
    let killed = Command::new("kill").args(["-KILL", &proxy.id().to_string()]).status().unwrap();
    assert!(killed.success());
    eventually("Ebbtide has ended", || proxy.has_ended().then_some(()));
    // At once, as whoever restarts it does.
    let next = setup.start();
    let again: Vec<_> = sessions
        .into_iter()
        .enumerate()
        .map(|(index, mut session)| {
            // It has ended.
            session.rest();
            open(&next, index)
        })
        .collect();
    let count = || notes.iter().map(running).collect::<Vec<_>>();
    eventually("one of each that somebody uses", || (count() == [1, 1, 1, 0]).then_some(()));
    assert_eq!(notes.iter().map(Notes::starts).collect::<Vec<_>>(), [2, 2, 2, 1]);
    drop(again);
    if let Some(cgroup) = &cgroup {
        let own = [format!("ebbtide-{}", next.id())];
        eventually("its cgroups alone are left", || (cgroup.children() == own).then_some(()));
    }
}
