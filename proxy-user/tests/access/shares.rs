//! Questions to the authentication service that stay open.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use crate::harness::app::{App, HttpApp};
use crate::harness::http::{Message, request};
use crate::harness::wait::eventually;
use crate::scene::{answer, asks, get, setup};

const TRUSTED: &str = "trusted_proxies = [\"127.0.0.0/8\"]";

/// The client waits in front of its own questions, and others pass.
#[test]
fn one_client_cannot_take_all_places() {
    let app = HttpApp::named("app");
    let done = Arc::new(AtomicBool::new(false));
    let is_done = Arc::clone(&done);
    let auth = HttpApp::start(move |asked| {
        let is_slow = asked.head.get("x-forwarded-for").unwrap().starts_with("2001:db8:");
        while is_slow && !is_done.load(Relaxed) {
            thread::sleep(Duration::from_millis(10));
        }
        answer("200 OK\r\n", "")
    });
    let proxy = setup(app.address(), &asks(auth.address())).key(TRUSTED).start();
    let wires: Vec<_> = (0..300)
        .map(|number| {
            let mut wire = proxy.connect();
            let from = format!("X-Forwarded-For: 2001:db8:0:{number}::1\r\n");
            wire.send(request("GET", "a.test", "/", &from));
            wire
        })
        .collect();
    eventually("many are asked", || (auth.requests().len() >= 64).then_some(()));
    assert_eq!(get(&proxy, "X-Forwarded-For: 203.0.113.9\r\n").status(), 200);
    assert_eq!(auth.requests().len(), 65, "one client has 64 places");
    done.store(true, Relaxed);
    for mut wire in wires {
        assert_eq!(Message::read_response(&mut wire, "GET").status(), 200);
    }
}

/// An answer whose body does not end holds its connection, and so its place.
#[test]
fn a_question_is_open_until_its_answer_is_read() {
    let app = HttpApp::named("app");
    let done = Arc::new(AtomicBool::new(false));
    let (is_done, early) = (Arc::clone(&done), Arc::new(AtomicBool::new(false)));
    let is_early = Arc::clone(&early);
    let auth = App::listen().serve(move |mut wire| {
        let asked = Message::read_request(&mut wire);
        if asked.head.get("x-last").is_some() {
            is_early.store(!is_done.load(Relaxed), Relaxed);
        }
        wire.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n");
        while !is_done.load(Relaxed) {
            thread::sleep(Duration::from_millis(10));
        }
        let _ = wire.try_send("x");
    });
    let proxy = setup(app.address(), &asks(auth.address)).start();
    for _ in 0..64 {
        assert_eq!(get(&proxy, "").status(), 200);
    }
    let mut wire = proxy.connect();
    wire.send(request("GET", "a.test", "/", "X-Last: 1\r\n"));
    // If it had a place, it would be asked now.
    thread::sleep(Duration::from_millis(300));
    done.store(true, Relaxed);
    assert_eq!(Message::read_response(&mut wire, "GET").status(), 200);
    assert!(!early.load(Relaxed));
}
