//! Requests whose length can be read in two ways (RFC 9112 section 6.3). Whatever the proxy makes
//! of them, the app must never take a part of one request for another: request smuggling.

use crate::harness::app::{App, HttpApp};
use crate::harness::http::{Head, Message, request};
use crate::harness::setup::Setup;

const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n";

/// Sends fields and body, waits for the end, and gives the answers' bytes and the app's requests.
fn attack(fields: &str, body: &str) -> (String, HttpApp) {
    let app = HttpApp::named("app");
    let proxy = Setup::demo(app.address()).start();
    let mut wire = proxy.connect();
    let _ = wire.try_send(format!("POST /attack HTTP/1.1\r\nHost: a.test\r\n{fields}\r\n{body}"));
    wire.half_close();
    let (bytes, _) = wire.rest();
    (String::from_utf8_lossy(&bytes).into_owned(), app)
}

#[test]
fn lengths_that_contradict_themselves_are_refused() {
    for fields in [
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 5, 6\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: -1\r\n",
        "Content-Length: 0x5\r\n",
        "Content-Length: 99999999999999999999999\r\n",
        "Content-Length: \r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Content-Length : 5\r\n",
        "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
    ] {
        let (answer, app) = attack(fields, &format!("5\r\nabcde\r\n0\r\n\r\n{SMUGGLED}"));
        assert!(answer.starts_with("HTTP/1.1 400 "), "{fields:?} was answered {answer:?}");
        let reason = "x-ebbtide-reason: bad-request";
        assert!(answer.to_lowercase().contains(reason), "{fields:?} was answered {answer:?}");
        let seen: Vec<_> = app.requests().iter().map(|r| r.head.start.clone()).collect();
        assert!(seen.is_empty(), "{fields:?} reached the app: {seen:?}");
    }
}

/// RFC 9112 section 6.3: with both, refuse; or read the chunks, drop the length and close.
#[test]
fn a_length_beside_chunks_never_splits_the_request() {
    for fields in [
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
        "Content-Length: 4\r\nTransfer-Encoding: Chunked\r\n",
    ] {
        let (answer, app) = attack(fields, &format!("0\r\n\r\n{SMUGGLED}"));
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{fields:?} was answered {answer:?}");
        for request in app.requests() {
            assert_ne!(request.head.target(), "/smuggled", "{fields:?}");
            let both = ["content-length", "transfer-encoding"].map(|n| request.head.all(n).len());
            assert_ne!(both, [1, 1], "{fields:?} reached the app with both lengths");
        }
    }
}

#[test]
fn a_length_given_twice_alike_is_at_most_one_length() {
    let fields = "Content-Length: 3\r\nContent-Length: 3\r\n";
    let (answer, app) = attack(fields, &format!("abc{SMUGGLED}"));
    let seen = app.requests();
    if answer.starts_with("HTTP/1.1 400 ") {
        assert!(seen.is_empty(), "{seen:?}");
    } else {
        // What follows the body is a request of its own; the client's FIN may cut it off.
        assert_eq!((seen[0].head.target(), seen[0].text()), ("/attack", "abc"), "{answer:?}");
        assert_eq!(seen[0].head.all("content-length"), ["3"]);
        assert!(seen[1..].iter().all(|r| r.head.target() == "/smuggled"), "{seen:?}");
    }
}

/// RFC 9112 section 6.1: a coding that is not understood is a 501, and one that was taken off or
/// passed on blindly would be a body that two readers read in two ways.
#[test]
fn a_coding_below_the_chunks_is_a_501() {
    let app = HttpApp::named("app");
    let proxy = Setup::demo(app.address()).start();
    for coding in [
        &b"gzip, chunked"[..],
        b"identity, chunked",
        b"gzip\r\nTransfer-Encoding: chunked",
        b"\xff\r\nTransfer-Encoding: chunked",
    ] {
        let mut wire = proxy.connect();
        wire.send(b"POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: ");
        wire.send(coding);
        wire.send(format!("\r\n\r\n0\r\n\r\n{SMUGGLED}"));
        Message::read_response(&mut wire, "POST").assert_own(501);
        wire.end();
    }
    assert_eq!(app.requests().len(), 0);
}

/// RFC 9112 section 6.3: of an app's two lengths the chunks are the true one, and the other is not
/// passed on.
#[test]
fn a_length_beside_the_chunks_of_an_answer_does_not_cut_it() {
    let app = HttpApp::start(|request| {
        let chunks = "Transfer-Encoding: chunked\r\n";
        let both = match request.head.target() {
            "/before" => format!("Content-Length: 4\r\n{chunks}"),
            _ => format!("{chunks}Content-Length: 4\r\n"),
        };
        format!("HTTP/1.1 200 OK\r\n{both}\r\n8\r\nthe body\r\n0\r\n\r\n").into_bytes()
    });
    let proxy = Setup::demo(app.address()).start();
    let mut wire = proxy.connect();
    for target in ["/before", "/behind", "/behind"] {
        wire.send(request("GET", "a.test", target, ""));
        let answer = Message::read_response(&mut wire, "GET");
        assert_eq!((answer.head.get("content-length"), answer.text()), (None, "the body"));
    }
}

/// The chunks are this hop's own, what is below them is not: taken off blindly, the body is not what
/// its fields say.
#[test]
fn a_coding_below_the_chunks_of_an_answer_is_a_502() {
    let app = App::listen();
    let proxy = Setup::demo(app.address()).start();
    let handshake = crate::harness::session::upgrade("a.test", "/", "");
    for coding in
        ["gzip, chunked", "gzip", "chunked, chunked", "gzip\r\nTransfer-Encoding: chunked"]
    {
        for asked in [&request("GET", "a.test", "/", ""), &handshake] {
            let mut client = proxy.connect();
            client.send(asked);
            let mut server = app.accept();
            Head::read(&mut server);
            server.send(format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: {coding}\r\n\r\n"));
            server.send("8\r\nthe body\r\n0\r\n\r\n");
            let answer = Message::read_response(&mut client, "GET");
            assert_eq!(answer.assert_own(502), "app-invalid", "{coding:?}");
        }
    }
}

#[test]
fn a_length_that_an_app_gives_as_a_list_is_one_length() {
    let app = HttpApp::start(|request| {
        let lengths = match request.head.target() {
            "/list" => "Content-Length: 4, 4\r\n",
            _ => "Content-Length: 4\r\nContent-Length: 4\r\n",
        };
        let body = if request.head.method() == "HEAD" { "" } else { "body" };
        format!("HTTP/1.1 200 OK\r\n{lengths}\r\n{body}").into_bytes()
    });
    let proxy = Setup::demo(app.address()).start();
    let mut wire = proxy.connect();
    for (method, target) in [("GET", "/list"), ("GET", "/lines"), ("HEAD", "/list")] {
        wire.send(request(method, "a.test", target, ""));
        let head = Message::read_response(&mut wire, method).head;
        assert_eq!(head.all("content-length"), ["4"], "{method} {target}");
    }
}

#[test]
fn malformed_chunk_sizes_do_not_complete_a_request() {
    for body in [
        "5 5\r\nabcde\r\n0\r\n\r\n",
        "-1\r\n\r\n",
        "0x5\r\nabcde\r\n0\r\n\r\n",
        "fffffffffffffffff\r\n",
    ] {
        let fields = "Transfer-Encoding: chunked\r\n";
        let (answer, app) = attack(fields, &format!("{body}{SMUGGLED}"));
        let targets: Vec<_> = app.requests().iter().map(|r| r.head.start.clone()).collect();
        assert!(targets.is_empty(), "{body:?} reached the app whole: {targets:?}");
        assert!(!answer.starts_with("HTTP/1.1 2"), "{body:?} was answered {answer:?}");
    }
}

#[test]
fn line_folding_and_bare_line_feeds_hide_no_field() {
    for fields in ["X-A: b\r\n Content-Length: 30\r\n", "X-A: b\nContent-Length: 30\r\n"] {
        let (answer, app) = attack(fields, SMUGGLED);
        for request in app.requests() {
            let odd =
                |(name, value): &&(String, String)| name.contains(' ') || value.contains('\n');
            assert_eq!(request.head.fields.iter().find(odd), None, "after {fields:?}");
        }
        assert!(answer.starts_with("HTTP/1.1 "), "{fields:?} was answered {answer:?}");
    }
}
