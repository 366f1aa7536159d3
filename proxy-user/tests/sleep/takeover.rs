//! What becomes of running apps when another Ebbtide takes over.

use std::process::Command;

use crate::harness::frame::Frame;
use crate::harness::http::Message;
use crate::harness::proxy::Proxy;
use crate::harness::session::{Peer, Role, upgrade};
use crate::harness::wait::{eventually, started};
use crate::scene::{Notes, await_state, demo, get, processes, running, runs, setup};

fn kill(id: u32) {
    let killed = Command::new("kill").args(["-KILL", &id.to_string()]).status().unwrap();
    assert!(killed.success());
}

fn the_process(notes: &Notes) -> u32 {
    let all = processes(notes);
    assert_eq!(all.len(), 1, "{all:?}");
    all[0]
}

fn session(proxy: &Proxy) -> Peer {
    let mut wire = proxy.connect();
    wire.send(upgrade("a.test", "/socket", ""));
    assert_eq!(Message::read_response(&mut wire, "GET").status(), 101);
    Peer::new(wire, Role::Client)
}

#[test]
fn a_running_app_goes_on() {
    let notes = Notes::new();
    let setup = setup(&notes.command(0.0), "idle_after = \"1h\"", "").key("drain = \"1s\"");
    let mut first = setup.start();
    assert_eq!(get(&first, "/", "").status(), 200);
    let mut visitor = session(&first);
    let id = the_process(&notes);
    let mut second = setup.clone().takeover(&first).start();
    assert_eq!(get(&second, "/", "").status(), 200);
    assert_eq!(visitor.close_frame().0, 1012);
    visitor.send(&Frame::close(1012, ""));
    assert_eq!(first.exit_code(), Some(0));
    // The one that started it is gone, and once more.
    let third = setup.clone().takeover(&second).start();
    assert_eq!(second.exit_code(), Some(0));
    assert_eq!(get(&third, "/", "").status(), 200);
    assert_eq!((the_process(&notes), notes.starts()), (id, 1));
    assert_eq!(demo(&third)["state"], "running");
    // Its end is noticed, though nobody asks for it, and it comes back as it was used.
    kill(id);
    eventually("its end is noticed", || {
        third.log().text().contains("the app has ended").then_some(())
    });
    started("it is started again", || (notes.starts() == 2).then_some(()));
    await_state(&third, "running");
    assert_eq!(running(&notes), 1);
}

#[test]
fn an_app_that_was_taken_over_ends_with_ebbtide() {
    let notes = Notes::new();
    let setup = setup(&notes.command(0.0), "", "").key("drain = \"1s\"");
    let mut first = setup.start();
    assert_eq!(get(&first, "/", "").status(), 200);
    let mut second = setup.clone().takeover(&first).start();
    assert_eq!(first.exit_code(), Some(0));
    assert!(runs(&notes));
    kill(second.id());
    eventually("Ebbtide has ended", || second.has_ended().then_some(()));
    eventually("its app has ended", || (!runs(&notes)).then_some(()));
    let mut third = setup.start();
    assert_eq!(get(&third, "/", "").status(), 200);
    let mut fourth = setup.clone().takeover(&third).start();
    assert_eq!(third.exit_code(), Some(0));
    fourth.terminate();
    assert_eq!(fourth.exit_code(), Some(0));
    assert!(!runs(&notes), "it is stopped as one of its own");
    assert_eq!(notes.starts(), 2);
}

#[test]
fn an_app_that_is_on_its_way_is_waited_for() {
    let notes = Notes::new();
    let setup = setup(&notes.command(8.0), "", "").key("drain = \"1s\"");
    let first = setup.start();
    let mut waiting = first.connect();
    waiting.send(crate::harness::http::request("GET", "a.test", "/", ""));
    eventually("it is on its way", || (notes.starts() == 1).then_some(()));
    let second = setup.clone().takeover(&first).start();
    assert_eq!(get(&second, "/", "").status(), 200);
    assert_eq!((notes.starts(), running(&notes)), (1, 1));
}

#[test]
fn an_app_that_is_configured_otherwise_is_stopped() {
    let notes = Notes::new();
    let old = setup(&notes.command(0.0), "", "").key("drain = \"1s\"");
    let first = old.start();
    assert_eq!(get(&first, "/", "").status(), 200);
    let id = the_process(&notes);
    let new = setup(&notes.command(0.0), "", "env = { NEW = \"1\" }").key("drain = \"1s\"");
    let second = new.takeover(&first).start();
    eventually("the old one has ended", || (!processes(&notes).contains(&id)).then_some(()));
    assert_eq!(get(&second, "/", "").status(), 200);
    assert_eq!((notes.starts(), running(&notes)), (2, 1));
}

#[test]
fn work_in_progress_goes_on() {
    let notes = Notes::new();
    let lines = "packs = [\"jupyter\"]\nidle_after = \"1h\"";
    let setup = setup(&notes.command(0.0), lines, "").key("drain = \"1s\"");
    let mut first = setup.start();
    assert_eq!(get(&first, "/", "").status(), 200);
    notes.write("kernels", r#"[{"id": "k-1", "execution_state": "busy"}]"#);
    assert_eq!(get(&first, "/api/kernels", "").status(), 200);
    let work = |proxy: &Proxy| demo(proxy)["work"].clone();
    let before =
        started("it is at work", || Some(work(&first)).filter(|work| work["since"].is_string()));
    let second = setup.clone().takeover(&first).start();
    assert_eq!(first.exit_code(), Some(0));
    let after = work(&second);
    assert_eq!((&after["open"], &after["since"]), (&before["open"], &before["since"]));
    notes.write("kernels", r#"[{"id": "k-1", "execution_state": "idle"}]"#);
    assert_eq!(get(&second, "/api/kernels", "").status(), 200);
    eventually("its end is noticed", || work(&second)["since"].is_null().then_some(()));
    assert_eq!(notes.starts(), 1);
}
