//! Bodies and trailers in both directions: streamed, chunked, counted, absent, interrupted.

use crate::harness::app::{App, HttpApp};
use crate::harness::http::{Head, Message, chunk, ok, read_chunk, read_trailers, request};
use crate::harness::payload::Random;
use crate::harness::setup::Setup;
use crate::harness::wire::{End, Wire};

const CHUNKED: &str = "Transfer-Encoding: chunked\r\n";

fn chunked_answer() -> String {
    format!("HTTP/1.1 200 OK\r\n{CHUNKED}\r\n")
}

/// Reads chunks until `count` bytes are there: a proxy may cut them anew.
fn chunks_of(wire: &mut Wire, count: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.len() < count {
        bytes.extend(read_chunk(wire).expect("the body ended early"));
    }
    bytes
}

#[test]
fn a_response_chunk_arrives_before_the_app_sends_the_next() {
    let app = App::listen();
    let proxy = Setup::demo(app.address()).start();
    let mut client = proxy.connect();
    client.send(request("GET", "a.test", "/stream", ""));
    let mut server = app.accept();
    Head::read(&mut server);
    server.send(chunked_answer());
    assert_eq!(Head::read(&mut client).status(), 200, "the head needs no body to be sent");
    for part in ["one", "two", "three"] {
        server.send(chunk(part));
        assert_eq!(chunks_of(&mut client, part.len()), part.as_bytes());
    }
    server.send("0\r\n\r\n");
    assert_eq!(read_chunk(&mut client), None);
}

#[test]
fn an_upload_chunk_arrives_before_the_client_sends_the_next() {
    let app = App::listen();
    let proxy = Setup::demo(app.address()).start();
    let mut client = proxy.connect();
    client.send(request("POST", "a.test", "/upload", CHUNKED));
    let mut server = app.accept();
    Head::read(&mut server);
    for part in ["one", "two", "three"] {
        client.send(chunk(part));
        assert_eq!(chunks_of(&mut server, part.len()), part.as_bytes());
    }
    client.send("0\r\n\r\n");
    assert_eq!(read_chunk(&mut server), None);
    assert_eq!(read_trailers(&mut server), []);
    server.send(ok("done"));
    assert_eq!(Message::read_response(&mut client, "POST").text(), "done");
}

#[test]
fn bodies_of_all_framings_and_sizes_arrive_whole() {
    let app = HttpApp::start(|request| {
        let mut answer = chunked_answer().into_bytes();
        for part in request.body.chunks(70_000) {
            answer.extend(chunk(part));
        }
        answer.extend(b"0\r\n\r\n");
        answer
    });
    let proxy = Setup::demo(app.address()).start();
    let mut wire = proxy.connect();
    let mut random = Random::seeded(11);
    for size in [0, 1, 1000, 65_536, 3_000_000] {
        let body = random.bytes(size);
        let mut writer = wire.writer();
        let (counted, sent) = (random.below(2) == 0, body.clone());
        let send = std::thread::spawn(move || {
            if counted {
                writer.send(request("POST", "a.test", "/", &format!("Content-Length: {size}\r\n")));
                writer.send(&sent);
            } else {
                writer.send(request("POST", "a.test", "/", CHUNKED));
                sent.chunks(33_333).for_each(|part| writer.send(chunk(part)));
                writer.send("0\r\n\r\n");
            }
        });
        let answer = Message::read_response(&mut wire, "POST");
        send.join().unwrap();
        assert_eq!(answer.status(), 200);
        assert!(answer.body == body, "{size} bytes came back as {}", answer.body.len());
        assert!(app.last().body == body, "{size} bytes reached the app changed");
    }
}

#[test]
fn a_length_that_the_app_counted_is_kept() {
    let app = HttpApp::named("12345");
    let proxy = Setup::demo(app.address()).start();
    let answer = proxy.get("a.test", "/");
    assert_eq!((answer.head.get("content-length"), answer.text()), (Some("5"), "12345"));
}

#[test]
fn a_body_that_ends_with_the_app_s_connection_arrives_whole() {
    let app = App::listen();
    let proxy = Setup::demo(app.address()).start();
    let mut client = proxy.connect();
    client.send(request("GET", "a.test", "/old", ""));
    let mut server = app.accept();
    Head::read(&mut server);
    server.send("HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nuntil the end");
    drop(server);
    assert_eq!(Message::read_response(&mut client, "GET").text(), "until the end");
}

/// A cut body must not look like a whole one (RFC 9112 section 8), whatever marks its end on either side:
/// where only the connection's end does, a cut ends it by a reset.
#[test]
fn a_body_that_the_app_cut_off_is_seen_as_cut_off() {
    let app = App::listen();
    let proxy = Setup::demo(app.address()).start();
    let old = "HTTP/1.0 200 OK\r\n\r\n".to_owned();
    for (head, body) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n".to_owned(), "only this"),
        (chunked_answer(), "9\r\nonly this\r\n"),
        (old.clone(), "only this"),
    ] {
        for asked in [
            request("GET", "a.test", "/cut", ""),
            "GET /cut HTTP/1.0\r\nHost: a.test\r\n\r\n".to_owned(),
        ] {
            let mut client = proxy.connect();
            client.send(&asked);
            let mut server = app.accept();
            Head::read(&mut server);
            server.send(format!("{head}{body}"));
            client.through(b"only this");
            match head == old {
                true => server.reset(),
                false => drop(server),
            }
            let (rest, end) = client.rest();
            assert!(rest.is_empty() || rest == b"\r\n", "an end was made up: {rest:?}");
            if asked.contains("HTTP/1.0") {
                assert_eq!(end, End::Reset, "{asked:?} was answered by {head:?}");
            }
        }
    }
}

#[test]
fn answers_without_a_body_leave_the_connection_usable() {
    let app = HttpApp::start(|request| match request.head.target() {
        "/204" => b"HTTP/1.1 204 No Content\r\n\r\n".to_vec(),
        "/304" => b"HTTP/1.1 304 Not Modified\r\nETag: \"e\"\r\nContent-Length: 9\r\n\r\n".to_vec(),
        _ if request.head.method() == "HEAD" => {
            b"HTTP/1.1 200 OK\r\nContent-Length: 123\r\n\r\n".to_vec()
        }
        _ => ok("body"),
    });
    let proxy = Setup::demo(app.address()).start();
    let mut wire = proxy.connect();
    let cases = [("HEAD", "/", 200), ("GET", "/204", 204), ("GET", "/304", 304), ("GET", "/", 200)];
    for (method, target, status) in cases {
        wire.send(request(method, "a.test", target, ""));
        let answer = Message::read_response(&mut wire, method);
        assert_eq!(answer.status(), status, "{method} {target}");
        assert!(wire.held().is_empty(), "{method} {target} brought a body: {:?}", wire.held());
        match (method, status) {
            ("HEAD", _) => assert_eq!(answer.head.get("content-length"), Some("123")),
            (_, 304) => assert_eq!(answer.head.get("etag"), Some("\"e\"")),
            (_, 204) => assert_eq!(answer.head.get("transfer-encoding"), None),
            _ => assert_eq!(answer.text(), "body"),
        }
    }
}

/// Servers that merge trailers into the header fields would believe them (RFC 9110 section 6.5.1).
#[test]
fn trailers_of_a_request_stop_at_the_proxy() {
    let app = App::listen();
    let proxy = Setup::demo(app.address()).start();
    let claims = "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\nX-Sum: up\r\n";
    for announced in ["", "Trailer: X-Forwarded-For, X-Forwarded-Proto, X-Sum\r\n"] {
        for chunks in ["", "3\r\nabc\r\n"] {
            let mut client = proxy.connect();
            client.send(request("POST", "a.test", "/t", &format!("{CHUNKED}{announced}")));
            client.send(format!("{chunks}0\r\n{claims}\r\n"));
            let mut server = app.accept();
            let asked = Message::read_request(&mut server);
            assert_eq!(asked.text(), if chunks.is_empty() { "" } else { "abc" });
            assert_eq!(asked.trailers, [], "{announced:?}");
            assert_eq!(asked.head.get("trailer"), None, "they are announced: {asked:?}");
            server.send(ok("taken"));
            assert_eq!(Message::read_response(&mut client, "POST").text(), "taken");
            client.send(request("GET", "a.test", "/next", ""));
            assert_eq!(Head::read(&mut server).target(), "/next", "both connections are usable");
            server.send("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
            assert_eq!(Message::read_response(&mut client, "GET").status(), 204);
        }
    }
}

#[test]
fn trailers_of_an_answer_pass() {
    let app = App::listen();
    let proxy = Setup::demo(app.address()).start();
    let mut client = proxy.connect();
    client.send(request("GET", "a.test", "/t", "TE: trailers\r\nConnection: TE\r\n"));
    let mut server = app.accept();
    assert_eq!(Head::read(&mut server).get("te"), Some("trailers"));
    let head = format!("HTTP/1.1 200 OK\r\n{CHUNKED}Trailer: X-Sum\r\n\r\n");
    server.send(head + "2\r\ncd\r\n0\r\nX-Sum: down\r\n\r\n");
    let answer = Message::read_response(&mut client, "GET");
    assert_eq!(answer.text(), "cd");
    assert_eq!(answer.trailers.len(), 1, "{answer:?}");
    assert!(answer.trailers[0].0.eq_ignore_ascii_case("x-sum") && answer.trailers[0].1 == "down");
}

#[test]
fn a_client_that_stops_in_the_middle_of_an_upload_is_not_taken_for_done() {
    let app = App::listen();
    let proxy = Setup::demo(app.address()).start();
    let mut client = proxy.connect();
    client.send(request("POST", "a.test", "/upload", CHUNKED));
    client.send(chunk("half"));
    let mut server = app.accept();
    Head::read(&mut server);
    assert_eq!(chunks_of(&mut server, 4), b"half");
    client.reset();
    let (rest, end) = server.rest();
    assert!(rest.is_empty(), "the upload was completed by the proxy: {rest:?}, {end:?}");
    assert!(matches!(end, End::Fin | End::Reset));
}
