//! `DELETE /api/sessions/{id}`: an operator ends a session, by the way that every end takes.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on stops and says why"
)]

mod harness;

use std::net::Shutdown;
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use harness::app::App;
use harness::frame::Frame;
use harness::http::{Head, Message, ok, request};
use harness::proxy::Proxy;
use harness::scratch::Scratch;
use harness::session::{Peer, open};
use harness::setup::Setup;
use harness::traffic::{self, Pace};
use harness::wait::{eventually, pause};
use harness::wire::{End, is_reset};

const REASON: &str = "ended by an operator";
const ROUNDS: usize = 30;
const EACH: usize = 20;
const FLOOD: Pace = Pace::new(1 << 20, 1);

fn start() -> (App, Proxy) {
    let app = App::listen();
    let proxy = Setup::demo(app.address()).start();
    (app, proxy)
}

/// The ids of the sessions, once there are so many.
fn ids(proxy: &Proxy, count: usize) -> Vec<u64> {
    let sessions = eventually(&format!("{count} sessions"), || {
        Some(proxy.sessions()).filter(|sessions| sessions.len() == count)
    });
    sessions.iter().map(|session| session["id"].as_u64().unwrap()).collect()
}

fn only(proxy: &Proxy) -> u64 {
    ids(proxy, 1)[0]
}

fn delete(proxy: &Proxy, id: impl std::fmt::Display) -> u16 {
    proxy.ask_admin("DELETE", &format!("/api/sessions/{id}"), "").status()
}

#[test]
fn both_legs_are_told_once_and_others_live_on() {
    let (app, proxy) = start();
    let (mut client, mut server) = open(&proxy, &app);
    let id = only(&proxy);
    let (mut other, mut theirs) = open(&proxy, &app);
    assert_eq!(delete(&proxy, id), 204);
    for peer in [&mut client, &mut server] {
        assert_eq!(peer.expect_close(1001), REASON);
    }
    assert_eq!((client.finish(1001), server.finish(1001)), (End::Fin, End::Fin));
    proxy.await_sessions(1);
    assert_eq!(delete(&proxy, id), 404, "it is over");
    other.send(&Frame::text("still here"));
    theirs.expect(&Frame::text("still here"));
    assert_eq!(proxy.metrics().count("ebbtide_reaped_total", &[]), 0, "nobody was gone");
}

#[test]
fn what_is_no_session_is_a_404_and_what_cannot_be_done_a_405() {
    let (app, proxy) = start();
    let _session = open(&proxy, &app);
    for id in ["0", "4711", "-1", "99999999999999999999999", "demo", "1x"] {
        assert_eq!(delete(&proxy, id), 404, "{id}");
    }
    let id = only(&proxy);
    assert_eq!(proxy.ask_admin("GET", &format!("/api/sessions/{id}"), "").status(), 405);
    assert_eq!(proxy.ask_admin("DELETE", "/api/sessions", "").status(), 405);
    assert_eq!(only(&proxy), id);
}

#[test]
fn the_token_is_demanded_first() {
    let app = App::listen();
    let scratch = Scratch::new();
    let token = scratch.file("token", "s3cret\n").display().to_string();
    let proxy = Setup::demo(app.address()).key(&format!("admin_token_file = {token:?}")).start();
    let (mut client, _server) = open(&proxy, &app);
    let right = "Authorization: Bearer s3cret\r\n";
    let id = eventually("the session is listed", || {
        let listed = proxy.admin("/api/sessions", right).body;
        let listed: serde_json::Value = serde_json::from_slice(&listed).unwrap();
        listed[0]["id"].as_u64()
    });
    let target = format!("/api/sessions/{id}");
    for wrong in ["", "Authorization: Bearer s3cre\r\n"] {
        assert_eq!(proxy.ask_admin("DELETE", &target, wrong).status(), 401);
        assert_eq!(proxy.ask_admin("DELETE", "/api/sessions/4711", wrong).status(), 401);
    }
    assert_eq!(proxy.ask_admin("DELETE", &target, right).status(), 204);
    client.expect_close(1001);
}

/// Ten at once: one of them ends it.
#[test]
fn of_many_one_wins() {
    let (app, proxy) = start();
    let (mut client, mut server) = open(&proxy, &app);
    let (id, barrier) = (only(&proxy), Barrier::new(10));
    let statuses: Vec<u16> = thread::scope(|scope| {
        let ask = || {
            barrier.wait();
            delete(&proxy, id)
        };
        let all: Vec<_> = (0..10).map(|_| scope.spawn(ask)).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let count = |status| statuses.iter().filter(|found| **found == status).count();
    assert_eq!((count(204), count(404)), (1, 9), "{statuses:?}");
    client.expect_close(1001);
    server.expect_close(1001);
    assert_eq!((client.finish(1001), server.finish(1001)), (End::Fin, End::Fin));
}

/// What one end got of the session's end: the codes of its Close frames. It answers by its FIN.
fn codes(peer: &mut Peer) -> Vec<u16> {
    let mut codes = Vec::new();
    loop {
        while let Some((frame, size)) = Frame::parse(peer.wire.held()) {
            peer.wire.take(size);
            codes.push(frame.close_code().unwrap_or_else(|| panic!("no Close: {frame:?}")));
        }
        let ends = match peer.wire.fill() {
            Ok(0) => true,
            Ok(_) => false,
            Err(e) if is_reset(&e) => true,
            Err(e) => panic!("{e}, after {codes:?}"),
        };
        // Fails where the connection is gone.
        let _ = peer.wire.stream().shutdown(Shutdown::Write);
        if ends {
            return codes;
        }
    }
}

/// The operator and something else at the same moment, over and over: whichever is first, each side
/// that is still there is told once, by a code that one of the two has, and nothing is left behind.
fn race(proxy: &Proxy, app: &App, other: impl Fn(&mut Peer, &mut Peer) + Sync, other_code: u16) {
    for round in 0..ROUNDS {
        let (mut client, mut server) = open(proxy, app);
        let (id, barrier) = (only(proxy), Barrier::new(2));
        let status = thread::scope(|scope| {
            let operator = scope.spawn(|| {
                barrier.wait();
                delete(proxy, id)
            });
            barrier.wait();
            other(&mut client, &mut server);
            operator.join().unwrap()
        });
        assert!([204, 404].contains(&status), "round {round}: {status}");
        let all = thread::scope(|scope| {
            [&mut client, &mut server]
                .map(|peer| scope.spawn(|| codes(peer)))
                .map(|codes| codes.join().unwrap())
        });
        for codes in all {
            let known = codes.iter().all(|code| [1001, other_code].contains(code));
            assert!(known && codes.len() <= 1, "round {round}: {codes:?} after a {status}");
        }
        drop((client, server));
        proxy.await_sessions(0);
    }
    let before = proxy.descriptors();
    drop(open(proxy, app));
    eventually("no descriptor is left", || (proxy.descriptors() <= before).then_some(()));
}

#[test]
fn an_operator_and_a_close_at_once_tell_each_side_once() {
    let (app, proxy) = start();
    race(&proxy, &app, |client, _| client.send(&Frame::close(4001, "going")), 4001);
    race(&proxy, &app, |_, server| server.send(&Frame::close(4001, "going")), 4001);
}

#[test]
fn an_operator_and_a_broken_peer_at_once_tell_each_side_once() {
    let (app, proxy) = start();
    race(&proxy, &app, |_, server| server.wire.half_close(), 1014);
    race(&proxy, &app, |client, _| client.wire.send(Frame::text("unmasked").encode()), 1002);
}

/// Asks for the end of one session after the other, `pace` apart; how many ended for that.
fn delete_all(proxy: &Proxy, ids: &[u64], pace: Duration) -> usize {
    let ended = ids.iter().filter(|id| {
        pause(pace);
        delete(proxy, id) == 204
    });
    ended.count()
}

/// The sweep reaps all that are left in one go, while the operator is somewhere in the list.
#[test]
fn a_reap_and_an_operator_share_the_sessions_between_them() {
    let app = App::listen();
    let proxy = Setup::demo(app.address()).section("[stall]\ngrace = \"1s\"").start();
    let mut sessions: Vec<_> = (0..EACH).map(|_| open(&proxy, &app)).collect();
    let unit = Frame::binary(vec![0x5A; 64 * 1024]).encode();
    let streams: Vec<_> = sessions
        .iter()
        .map(|(_, server)| traffic::send(&server.wire, unit.clone(), FLOOD))
        .collect();
    let ended = delete_all(&proxy, &ids(&proxy, EACH), Duration::from_millis(100));
    drop(streams);
    let mut told = sessions.iter_mut().map(|(_, server)| server.close_frame());
    let stalled = told.by_ref().filter(|told| *told != (1001, REASON.to_owned()));
    let stalled = stalled.inspect(|told| assert_eq!(*told, (1001, "client stalled".to_owned())));
    assert_eq!(stalled.count() + ended, EACH);
    let labels = [("leg", "client"), ("reason", "stalled")];
    eventually("each reap is counted", || {
        let reaped = proxy.metrics().count("ebbtide_reaped_total", &labels);
        (reaped + ended as u64 == EACH as u64).then_some(())
    });
    proxy.await_sessions(0);
}

/// The drain tells the oldest first, the operator ends the newest first.
#[test]
fn a_drain_and_an_operator_share_the_sessions_between_them() {
    let app = App::listen();
    let mut proxy = Setup::demo(app.address()).key("drain = \"2s\"").start();
    let sessions: Vec<_> = (0..EACH).map(|_| open(&proxy, &app)).collect();
    let mut ids = ids(&proxy, EACH);
    ids.reverse();
    // What keeps the process until all are counted, though the last session is over sooner.
    let mut waiting = proxy.connect();
    waiting.send(request("GET", "a.test", "/slow", ""));
    let mut slow = app.accept();
    Head::read(&mut slow);
    proxy.terminate();
    let ended = thread::scope(|scope| {
        let operator =
            scope.spawn(|| delete_all(&proxy, &ids[..EACH / 2], Duration::from_millis(50)));
        let mut by_operator = 0;
        for (mut client, mut server) in sessions {
            let told = client.close_frame();
            assert_eq!(server.close_frame(), told);
            by_operator += usize::from(told == (1001, REASON.to_owned()));
            assert!([1001, 1012].contains(&told.0), "{told:?}");
            assert_eq!((client.finish(told.0), server.finish(told.0)), (End::Fin, End::Fin));
        }
        (operator.join().unwrap(), by_operator)
    });
    assert_eq!(ended.0, ended.1, "what the operator was told is true");
    assert!(ended.0 > 0 && ended.0 < EACH);
    slow.send(ok("done"));
    assert_eq!(Message::read_response(&mut waiting, "GET").text(), "done");
    assert_eq!(proxy.exit_code(), Some(0));
}
