//! `users_file`: names and passwords.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;

use crate::harness::app::{App, HttpApp};
use crate::harness::http::{Head, Message, request};
use crate::harness::scratch::Scratch;
use crate::harness::session::{consent, upgrade};
use crate::scene::{ANN, BOB, EVE, PASSWORD, SECRET, WRONG, get, setup};

/// A folder with a file of users, and the line that names it.
pub(crate) fn users(text: &str) -> (Scratch, String) {
    let scratch = Scratch::new();
    let file = scratch.file("htpasswd", text);
    let line = format!("users_file = {:?}\n", file.to_str().unwrap());
    (scratch, line)
}

#[test]
fn only_a_right_password_opens() {
    let app = HttpApp::named("app");
    let (_file, line) = users(&format!("# users\nann:{SECRET}\nbob:{PASSWORD}\n"));
    let proxy = setup(app.address(), &line).start();
    let refused = |fields: &str| {
        let answer = get(&proxy, fields);
        assert_eq!(answer.assert_own(401), "unauthorized", "{fields}");
        let challenge = "Basic realm=\"demo\", charset=\"UTF-8\"";
        assert_eq!(answer.head.get("www-authenticate"), Some(challenge));
    };
    // Each twice: the second time from memory.
    for _ in 0..2 {
        for fields in [
            "",
            WRONG,
            EVE,
            "Authorization: Basic\r\n",
            "Authorization: Basic !!!\r\n",
            "Authorization: Bearer YW5uOnMzY3JldA==\r\n",
            // No colon; no name; a NUL behind the right password.
            "Authorization: Basic YW5u\r\n",
            "Authorization: Basic OnMzY3JldA==\r\n",
            "Authorization: Basic YW5uOnMzY3JldAA=\r\n",
            &format!("{ANN}{ANN}"),
        ] {
            refused(fields);
        }
        for fields in [ANN, BOB, &ANN.replace("Basic", "bASIC")] {
            let answer = get(&proxy, fields);
            assert_eq!((answer.status(), answer.text()), (200, "app"), "{fields}");
            assert_eq!(app.last().head.get("authorization"), None, "it is not the app's");
        }
    }
    assert_eq!(app.requests().len(), 6);
    let reason = [("app", "demo"), ("reason", "unauthorized")];
    assert_eq!(proxy.metrics().count("ebbtide_refused_total", &reason), 20);
    assert_eq!(proxy.metrics().count("ebbtide_activity_total", &[("reason", "request")]), 6);
    let log = proxy.log().text();
    assert!(!log.contains("s3cret") && !log.contains("$2y$"), "{log}");
}

#[test]
fn a_handshake_needs_one_too() {
    let app = App::listen();
    let (_file, line) = users(&format!("ann:{SECRET}\n"));
    let proxy = setup(app.address(), &line).start();
    let mut wire = proxy.connect();
    wire.send(upgrade("a.test", "/socket", ""));
    assert_eq!(Message::read_response(&mut wire, "GET").assert_own(401), "unauthorized");
    wire.send(upgrade("a.test", "/socket", ANN));
    let mut server = app.accept();
    assert_eq!(Head::read(&mut server).get("authorization"), None);
    server.send(consent(""));
    assert_eq!(Message::read_response(&mut wire, "GET").status(), 101);
}

/// Checking is slow on purpose; those who have signed in must not feel that others guess.
#[test]
fn guesses_wait_for_their_turn_and_hold_nobody_up() {
    let app = HttpApp::named("app");
    let (_file, line) = users(&format!("ann:{SECRET}\nzoe:{}\n", SECRET.replace("$04$", "$08$")));
    let proxy = setup(app.address(), &line).start();
    let threads = || std::fs::read_dir(format!("/proc/{}/task", proxy.id())).unwrap().count();
    assert_eq!(get(&proxy, ANN).status(), 200);
    let (before, done) = (threads(), AtomicBool::new(false));
    let most = thread::scope(|scope| {
        let guesses: Vec<_> = (0..60)
            .map(|number| {
                let fields = format!("Authorization: Basic {}\r\n", guess(number));
                let proxy = &proxy;
                scope.spawn(move || get(proxy, &fields).assert_own(401).to_owned())
            })
            .collect();
        let watched = scope.spawn(|| {
            let mut most = 0;
            while !done.load(Relaxed) {
                most = most.max(threads());
                assert_eq!(get(&proxy, ANN).status(), 200);
            }
            most
        });
        for guess in guesses {
            assert_eq!(guess.join().unwrap(), "unauthorized");
        }
        done.store(true, Relaxed);
        watched.join().unwrap()
    });
    // A thread for each of the guesses would be 60 more. Each worker may keep a few for a while.
    println!("{before} threads before, {most} at most");
    assert!(most <= before + 40, "{before} threads before, {most} at most");
}

/// A page with many parts, before its password is remembered: more than one address has places.
#[test]
fn equal_questions_share_one_check() {
    let app = HttpApp::named("app");
    let (_file, line) = users(&format!("zoe:{}\n", SECRET.replace("$04$", "$10$")));
    let proxy = setup(app.address(), &line).start();
    let fields = format!("Authorization: Basic {}\r\n", guess(0));
    let mut wires: Vec<_> = (0..100).map(|_| proxy.connect()).collect();
    for wire in &mut wires {
        wire.send(request("GET", "a.test", "/", &fields));
    }
    for mut wire in wires {
        assert_eq!(Message::read_response(&mut wire, "GET").assert_own(401), "unauthorized");
    }
}

/// `zoe:NN`, of which the encoding has no padding.
fn guess(number: u32) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let plain = format!("zoe:{number:02}");
    let groups = plain.as_bytes().chunks(3).map(|three| {
        let bits = three.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
        [18, 12, 6, 0].map(|shift| char::from(LETTERS[(bits >> shift & 63) as usize]))
    });
    groups.flatten().collect()
}

#[test]
fn a_body_that_nobody_may_send_is_not_asked_for() {
    let app = HttpApp::named("app");
    let (_file, line) = users(&format!("ann:{SECRET}\n"));
    let proxy = setup(app.address(), &line).start();
    let mut wire = proxy.connect();
    let fields = "Content-Length: 9\r\nExpect: 100-continue\r\n";
    wire.send(request("POST", "a.test", "/", fields));
    // Without a 100 before it.
    assert_eq!(Head::read(&mut wire).status(), 401);
    assert!(app.requests().is_empty());
}
