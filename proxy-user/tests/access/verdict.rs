//! What the client gets of the service's answer.

use crate::harness::app::{App, HttpApp};
use crate::harness::http::Message;
use crate::harness::session::upgrade;
use crate::harness::wait::eventually;
use crate::scene::{answer, ask, asks, get, names, service, setup};
use std::time::Duration;

#[test]
fn its_cookies_go_out_with_the_app_s_answer() {
    let app = HttpApp::start(|_| answer("200 OK\r\nSet-Cookie: app=1\r\n", "app"));
    let auth =
        service("202 Accepted\r\nSet-Cookie: s=2; HttpOnly\r\nSet-Cookie: t=3\r\nX-Inner: 1\r\n");
    let proxy = setup(app.address(), &asks(auth.address())).start();
    let answer = get(&proxy, "");
    assert_eq!((answer.status(), answer.text()), (200, "app"));
    assert_eq!(answer.head.all("set-cookie"), ["app=1", "s=2; HttpOnly", "t=3"]);
    assert_eq!(answer.head.get("x-inner"), None);
}

#[test]
fn anything_but_2xx_is_the_client_s_answer() {
    let app = HttpApp::named("app");
    let refusals = [
        (
            "/302",
            "302 Found\r\nLocation: https://sso.test/login?rd=x\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\n",
        ),
        (
            "/401",
            "401 Unauthorized\r\nWWW-Authenticate: Bearer realm=\"x\"\r\nContent-Type: text/html\r\n",
        ),
        (
            "/403",
            "403 Forbidden\r\nX-Ebbtide-Reason: forged\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\n",
        ),
        ("/404", "404 Not Found\r\n"),
        ("/500", "500 Internal Server Error\r\n"),
    ];
    let auth = HttpApp::start(move |asked| {
        let target = asked.head.get("x-forwarded-uri").unwrap();
        let (_, head) = refusals.iter().find(|(known, _)| *known == target).unwrap();
        answer(head, "who are you?")
    });
    let proxy = setup(app.address(), &asks(auth.address())).start();
    for (target, _) in refusals {
        let answer = ask(&proxy, "GET", target, "");
        assert_eq!(format!("/{}", answer.status()), target, "{answer:?}");
        assert_eq!(answer.text(), "who are you?");
        assert_eq!(answer.head.get("x-ebbtide-reason"), Some("forward-auth"));
        assert!(!names(&answer.head).contains(&"x-hop".to_owned()));
    }
    let found = ask(&proxy, "GET", "/302", "");
    assert_eq!(found.head.get("location"), Some("https://sso.test/login?rd=x"));
    assert_eq!(found.head.all("set-cookie"), ["a=b", "c=d"]);
    let asked = ask(&proxy, "GET", "/401", "");
    assert_eq!(asked.head.get("www-authenticate"), Some("Bearer realm=\"x\""));
    assert_eq!(asked.head.get("content-type"), Some("text/html"));
    // To HEAD without the page.
    assert_eq!(ask(&proxy, "HEAD", "/401", "").status(), 401);
    let reason = [("app", "demo"), ("reason", "forward-auth")];
    assert_eq!(proxy.metrics().count("ebbtide_refused_total", &reason), 8);
    assert!(app.requests().is_empty(), "{:?}", app.requests());
    // The connection can be used after a refusal with a body that nobody read.
    let mut wire = proxy.connect();
    wire.send("POST /401 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
    assert_eq!(Message::read_response(&mut wire, "POST").status(), 401);
    wire.send("GET /404 HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(Message::read_response(&mut wire, "GET").status(), 404);
}

#[test]
fn a_refused_handshake_does_not_reach_the_app() {
    let app = App::listen();
    let auth = service("302 Found\r\nLocation: /login\r\nSet-Cookie: a=b\r\n");
    let proxy = setup(app.address(), &asks(auth.address())).start();
    let mut wire = proxy.connect();
    wire.send(upgrade("a.test", "/socket", ""));
    let answer = Message::read_response(&mut wire, "GET");
    assert_eq!((answer.status(), answer.head.get("location")), (302, Some("/login")));
    assert_eq!(answer.head.get("set-cookie"), Some("a=b"));
    assert!(app.accept_within(Duration::from_millis(100)).is_none());
    assert_eq!(proxy.metrics().count("ebbtide_sessions_total", &[]), 0);
}

#[test]
fn its_page_is_bounded() {
    let app = HttpApp::named("app");
    let auth = HttpApp::start(|asked| {
        let size = match asked.head.get("x-forwarded-uri").unwrap() {
            "/page" => 1 << 20,
            _ => (1 << 20) + 1,
        };
        answer("401 Unauthorized\r\n", &"x".repeat(size))
    });
    let proxy = setup(app.address(), &asks(auth.address())).start();
    let page = ask(&proxy, "GET", "/page", "");
    assert_eq!((page.status(), page.body.len()), (401, 1 << 20));
    assert_eq!(ask(&proxy, "GET", "/flood", "").assert_own(503), "auth-unreachable");
    // Its page may come in pieces and without a length.
    let chunked = HttpApp::start(|_| {
        b"HTTP/1.1 401 Unauthorized\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nwho\r\n1\r\n?\r\n0\r\n\r\n".to_vec()
    });
    let proxy = setup(app.address(), &asks(chunked.address())).start();
    assert_eq!(get(&proxy, "").text(), "who?");
    assert!(app.requests().is_empty());
}

/// Neither counts nor is told to anybody.
#[test]
fn a_refused_request_is_no_activity() {
    let app = HttpApp::named("app");
    let auth = HttpApp::start(|asked| match asked.head.get("cookie") {
        Some(_) => answer("200 OK\r\n", ""),
        None => answer("401 Unauthorized\r\n", ""),
    });
    let proxy = setup(app.address(), &asks(auth.address())).start();
    let activity = || proxy.metrics().count("ebbtide_activity_total", &[("app", "demo")]);
    let demo = || {
        let answer = proxy.admin("/api/apps/demo", "");
        serde_json::from_slice::<serde_json::Value>(&answer.body).unwrap()
    };
    let before = demo();
    for _ in 0..3 {
        assert_eq!(get(&proxy, "").status(), 401);
        let opens = "Accept: text/html\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n";
        assert_eq!(get(&proxy, opens).status(), 401);
    }
    assert_eq!(activity(), 0);
    assert_eq!(before["last_activity"], demo()["last_activity"], "{before}");
    assert_eq!(get(&proxy, "Cookie: s=1\r\n").status(), 200);
    eventually("it counts", || (activity() == 1).then_some(()));
}
