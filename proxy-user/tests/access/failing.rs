//! A service that gives no usable answer: nobody passes.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crate::harness::app::{App, HttpApp};
use crate::harness::http::{Message, request};
use crate::harness::session::upgrade;
use crate::harness::wait::eventually;
use crate::scene::{answer, asks, get, setup};

/// What the log says once a minute.
const TOLD: &str = "forward_auth cannot be asked: nobody passes";

#[test]
fn nothing_passes_when_it_does_not_answer_properly() {
    let app = HttpApp::named("app");
    for garbage in [
        &b""[..],
        b"\0\0\0\0\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 999999 OK\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 9\r\n\r\nbroke",
    ] {
        let auth = App::listen().serve(move |mut wire| {
            Message::read_request(&mut wire);
            let _ = wire.try_send(garbage);
        });
        let proxy = setup(app.address(), &asks(auth.address)).start();
        let answer = get(&proxy, "Cookie: s=1\r\n");
        assert_eq!(answer.assert_own(503), "auth-unreachable", "{:?}", garbage.escape_ascii());
        assert!(answer.head.get("retry-after").is_some());
        eventually("the log says so", || (proxy.log().fields(TOLD).len() == 1).then_some(()));
        let text = proxy.log().text();
        assert!(!text.contains("x=1"), "the query may be a secret: {text}");
    }
    assert!(app.requests().is_empty());
}

#[test]
fn nothing_passes_when_nobody_listens() {
    let app = HttpApp::named("app");
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let proxy = setup(app.address(), &asks(closed)).start();
    for _ in 0..3 {
        assert_eq!(get(&proxy, "").assert_own(503), "auth-unreachable");
    }
    let mut wire = proxy.connect();
    wire.send(upgrade("a.test", "/socket", ""));
    assert_eq!(Message::read_response(&mut wire, "GET").assert_own(503), "auth-unreachable");
    let reason = [("app", "demo"), ("reason", "auth-unreachable")];
    assert_eq!(proxy.metrics().count("ebbtide_refused_total", &reason), 4);
    // However many failed, the log has them in few lines.
    eventually("the log says so", || (proxy.log().fields(TOLD).len() == 1).then_some(()));
    assert!(app.requests().is_empty());
}

#[test]
fn nothing_passes_when_it_is_slow() {
    let app = HttpApp::named("app");
    let auth = App::listen();
    let proxy = setup(app.address(), &asks(auth.address())).start();
    let (mut silent, mut slow) = (proxy.connect(), proxy.connect());
    silent.send(request("GET", "a.test", "/silent", ""));
    let _never = auth.accept();
    slow.send(request("GET", "a.test", "/slow", ""));
    let mut never_ends = auth.accept();
    Message::read_request(&mut never_ends);
    // A page whose end does not come.
    never_ends.send("HTTP/1.1 401 Unauthorized\r\nContent-Length: 9\r\n\r\nwho");
    for mut wire in [silent, slow] {
        assert_eq!(Message::read_response(&mut wire, "GET").assert_own(503), "auth-unreachable");
    }
    assert!(app.requests().is_empty());
}

#[test]
fn connections_to_it_are_used_again() {
    let (app, connections) = (HttpApp::named("app"), Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&connections);
    let auth = App::listen().serve(move |mut wire| {
        count.fetch_add(1, Relaxed);
        while !wire.held().is_empty() || matches!(wire.fill(), Ok(1..)) {
            Message::read_request(&mut wire);
            wire.send(answer("200 OK\r\n", "Authenticated"));
        }
    });
    let proxy = setup(app.address(), &asks(auth.address)).start();
    for _ in 0..20 {
        assert_eq!(get(&proxy, "").status(), 200);
    }
    // On a slow machine one may have been idle for too long.
    let used = connections.load(Relaxed);
    assert!(used <= 10, "{used} connections for 20 questions");
}

/// As a server does that is restarted, or whose time for an idle connection is over.
#[test]
fn one_that_it_has_closed_costs_no_request() {
    let app = HttpApp::named("app");
    let auth = App::listen().serve(move |mut wire| {
        // It does not say that it will close.
        Message::read_request(&mut wire);
        wire.send(answer("200 OK\r\n", ""));
    });
    let proxy = setup(app.address(), &asks(auth.address)).start();
    for _ in 0..20 {
        assert_eq!(get(&proxy, "").status(), 200);
    }
}
