//! What is no request at all is refused like any other: with a reason, and counted.

use crate::harness::app::HttpApp;
use crate::harness::http::{Message, request};
use crate::harness::setup::Setup;
use crate::harness::wait::eventually;
use crate::harness::wire::End;

/// Bytes that hyper refuses before any of our code sees a request, with the answer's code and reason.
fn cases() -> Vec<(String, u16, &'static str)> {
    let target = "t".repeat(66 * 1024);
    let bad = [
        "GET\r\n\r\n".to_owned(),
        "GET /\r\n\r\n".to_owned(),
        "\0\0\0\0\r\n\r\n".to_owned(),
        "\x16\x03\x01\x02\0\x01\0\x01\r\n\r\n".to_owned(),
        "GET / HTTP/3.7\r\nHost: a.test\r\n\r\n".to_owned(),
        request("GET", "a.test", "/a<b", ""),
        request("GET", "a.test", "/", "X-No Name: 1\r\n"),
        request("POST", "a.test", "/", "Content-Length: 1\r\nContent-Length: 2\r\n"),
        request("POST", "a.test", "/", "Transfer-Encoding: gzip\r\n"),
    ];
    let mut cases: Vec<_> = bad.into_iter().map(|bytes| (bytes, 400, "bad-request")).collect();
    cases.push((request("GET", "a.test", &format!("/{target}"), ""), 414, "target-too-long"));
    let long = format!("X-Long: {}\r\n", "x".repeat(200 * 1024));
    cases.push((request("GET", "a.test", "/", &long), 431, "head-too-big"));
    cases.push((request("GET", "a.test", "/", &"X-A: b\r\n".repeat(256)), 431, "head-too-big"));
    cases
}

#[test]
fn what_is_no_request_is_refused_with_a_reason_and_counted() {
    let app = HttpApp::named("app");
    let proxy = Setup::demo(app.address()).start();
    let counted = |code: u16| {
        let code = code.to_string();
        proxy.metrics().count("ebbtide_http_requests_total", &[("app", ""), ("code", &code)])
    };
    for (bytes, status, reason) in cases() {
        let shown: String = bytes.chars().take(80).collect();
        let before = counted(status);
        let mut wire = proxy.connect();
        wire.send(&bytes);
        let answer = Message::read_response(&mut wire, "GET");
        assert_eq!(answer.assert_own(status), reason, "{shown:?}");
        assert_eq!(answer.head.tokens("connection"), ["close"], "{shown:?}");
        assert!(answer.head.get("date").is_some() && answer.text().ends_with(".\n"), "{answer:?}");
        wire.half_close();
        assert_eq!(wire.end(), End::Fin, "{shown:?}");
        eventually("it is counted", || (counted(status) == before + 1).then_some(()));
    }
    assert_eq!(app.requests().len(), 0);
    assert_eq!(proxy.get("a.test", "/").text(), "app");
}

/// On a connection that has carried requests, whether the answer was there before or not.
#[test]
fn what_is_no_request_behind_a_request_is_refused_with_a_reason() {
    let app = HttpApp::named("app");
    let proxy = Setup::demo(app.address()).start();
    for (bytes, status, reason) in cases() {
        for pipelined in [false, true] {
            let shown: String = bytes.chars().take(80).collect();
            let mut wire = proxy.connect();
            let first = request("POST", "a.test", "/", "Content-Length: 4\r\n") + "body";
            if pipelined {
                wire.send(first + &bytes);
            } else {
                wire.send(first);
            }
            assert_eq!(Message::read_response(&mut wire, "POST").text(), "app", "{shown:?}");
            if !pipelined {
                wire.send(&bytes);
            }
            let answer = Message::read_response(&mut wire, "GET");
            assert_eq!(answer.assert_own(status), reason, "{shown:?}");
        }
    }
}

/// A refusal that is closed at once is reset, where more was sent than read, and may be lost.
#[test]
fn a_refused_client_may_finish_sending_and_read_why() {
    let app = HttpApp::named("app");
    let proxy = Setup::demo(app.address()).start();
    let mut wire = proxy.connect();
    let long = request("GET", "a.test", "/", &format!("X-Long: {}\r\n", "x".repeat(200 * 1024)));
    wire.send(&long);
    wire.send(vec![b'x'; 1 << 20]);
    Message::read_response(&mut wire, "GET").assert_own(431);
    wire.half_close();
    assert_eq!(wire.end(), End::Fin);
}

/// The app's own answers look alike, but are not ours to explain.
#[test]
fn an_app_s_bare_answer_stays_bare() {
    let app = HttpApp::start(|_| b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n".to_vec());
    let proxy = Setup::demo(app.address()).start();
    let mut wire = proxy.connect();
    for _ in 0..2 {
        wire.send(request("GET", "a.test", "/", ""));
        let answer = Message::read_response(&mut wire, "GET");
        assert_eq!((answer.status(), answer.head.get("x-ebbtide-reason")), (400, None));
        assert_eq!(answer.head.get("content-length"), Some("0"));
    }
}
