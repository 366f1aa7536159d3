//! What becomes of running apps when another Ebbtide takes over.

use std::io::Read;
use std::net::{Shutdown, TcpListener};
use std::process::Command;

use socket2::{Domain, SockAddr, Socket, Type};

use crate::harness::frame::Frame;
use crate::harness::http::Message;
use crate::harness::proxy::Proxy;
use crate::harness::session::{Peer, Role, upgrade};
use crate::harness::wait::{eventually, started};
use crate::scene::{Notes, await_state, demo, get, processes, running, runs, setup};

fn kill(id: u32) {
    signal(id, "-KILL");
}

fn signal(id: u32, signal: &str) {
    let sent = Command::new("kill").args([signal, &id.to_string()]).status().unwrap();
    assert!(sent.success());
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
fn an_ebbtide_that_does_not_answer_keeps_its_apps() {
    let notes = Notes::new();
    let setup = setup(&notes.command(0.0), "", "").key("drain = \"1s\"");
    let mut first = setup.start();
    assert_eq!(get(&first, "/", "").status(), 200);
    let id = the_process(&notes);
    signal(first.id(), "-STOP");
    let second = setup.clone().takeover(&first).start();
    assert!(second.log().text().contains("the running apps cannot be taken over"));
    await_state(&second, "suspended");
    assert_eq!(the_process(&notes), id);
    signal(first.id(), "-CONT");
    assert_eq!(first.exit_code(), Some(0));
    assert!(!runs(&notes), "it stops what it keeps");
    assert_eq!(get(&second, "/", "").status(), 200);
    assert_eq!((notes.starts(), running(&notes)), (2, 1));
}

/// The other side asks for the app, and does not wait until it is given.
#[test]
fn an_app_that_is_asked_for_and_not_waited_for_stays() {
    let notes = Notes::new();
    let first = setup(&notes.command(0.0), "", "").start();
    assert_eq!(get(&first, "/", "").status(), 200);
    let id = the_process(&notes);
    let socket = Socket::new(Domain::UNIX, Type::SEQPACKET, None).unwrap();
    socket.connect(&SockAddr::unix(format!("\0ebbtide-takeover-{}", first.id())).unwrap()).unwrap();
    let mut said = vec![0; 1 << 19];
    while (&socket).read(&mut said).is_ok_and(|count| said.get(..count) != Some(b"\"all\"")) {}
    socket.shutdown(Shutdown::Read).unwrap();
    socket.send(br#"{"take":["demo"]}"#).unwrap();
    eventually("it hears that nobody waits", || {
        first.log().text().contains("the running apps cannot be handed over").then_some(())
    });
    drop(socket);
    assert_eq!(get(&first, "/", "").status(), 200);
    assert_eq!((the_process(&notes), notes.starts()), (id, 1));
    assert_eq!(demo(&first)["state"], "running");
}

#[test]
fn what_is_configured_otherwise_is_started_where_it_was() {
    let notes = Notes::new();
    notes.write("linger", "");
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let lines = format!("upstream = \"http://{address}\"");
    let first = setup(&notes.command(0.0), &lines, "").key("drain = \"1s\"").start();
    assert_eq!(get(&first, "/", "").status(), 200);
    let second =
        setup(&notes.command(0.0), &lines, "env = { NEW = \"1\" }").takeover(&first).start();
    // The one before still has the port.
    let answer = get(&second, "/", "");
    assert_eq!(answer.status(), 200, "{answer:?}");
    assert_eq!((notes.starts(), running(&notes)), (2, 1));
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
