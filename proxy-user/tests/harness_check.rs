//! The harness against itself, with no proxy between: its raw peers must agree with each other and
//! with the standards' own examples before they may judge anybody else.

mod harness;

use harness::app::{App, HttpApp};
use harness::control::seconds_of;
use harness::frame::{CLOSE, Frame, TEXT};
use harness::http::{Message, chunk, ok, request};
use harness::metrics::Metrics;
use harness::payload::{Random, StreamHash};
use harness::relay;
use harness::session::{Peer, Role};
use harness::wire::{End, Wire};

/// RFC 6455 section 5.7.
#[test]
fn frames_match_the_examples_of_the_standard() {
    assert_eq!(Frame::text("Hello").encode(), b"\x81\x05Hello");
    let masked = Frame::text("Hello").masked([0x37, 0xfa, 0x21, 0x3d]).encode();
    assert_eq!(masked, b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
    assert_eq!(Frame::text("Hel").unfinished().encode(), b"\x01\x03Hel");
    assert_eq!(Frame::ping("Hello").encode(), b"\x89\x05Hello");
    assert_eq!(Frame::binary([0; 256]).encode()[..4], *b"\x82\x7E\x01\x00");
    let long = Frame::binary(vec![0; 65536]).encode();
    assert_eq!(long[..10], *b"\x82\x7F\x00\x00\x00\x00\x00\x01\x00\x00");
}

#[test]
fn frames_survive_a_relay_in_both_roles() {
    let app = App::listen();
    let relay = relay::to(app.address());
    let mut client = Peer::new(Wire::connect(relay.address), Role::Client);
    client.send(&Frame::text("first"));
    let mut server = Peer::new(app.accept(), Role::App);
    server.expect(&Frame::text("first"));
    let mut random = Random::seeded(1);
    for length in [0, 1, 125, 126, 65535, 65536, 300_000] {
        let frame = Frame::binary(random.bytes(length));
        client.send(&frame);
        server.expect(&frame);
        server.send(&frame);
        client.expect(&frame);
    }
    server.send(&Frame::close(1000, "bye"));
    assert_eq!(client.expect_close(1000), "bye");
    drop(server);
    assert_eq!(client.finish(1000), End::Fin);
}

#[test]
#[should_panic(expected = "masking of")]
fn an_unmasked_frame_towards_the_app_is_noticed() {
    let app = App::listen();
    let mut client = Wire::connect(app.address());
    client.send(Frame::text("bare").encode());
    Peer::new(app.accept(), Role::App).receive();
}

#[test]
fn the_ends_of_a_connection_are_told_apart() {
    let app = App::listen();
    let client = Wire::connect(app.address());
    client.half_close();
    assert_eq!(app.accept().end(), End::Fin);
    let client = Wire::connect(app.address());
    let mut server = app.accept();
    client.reset();
    assert_eq!(server.end(), End::Reset);
    let client = Wire::connect(app.address());
    let server = app.accept();
    assert!(!client.was_reset());
    server.reset();
    harness::wait::eventually("the reset shows", || client.was_reset().then_some(()));
}

#[test]
fn http_messages_survive_a_relay() {
    let app = HttpApp::start(|request| match request.head.target() {
        "/chunked" => {
            let mut answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
            answer.extend(chunk("ab"));
            answer.extend(chunk("cde"));
            answer.extend(b"0\r\nX-End: yes\r\n\r\n");
            answer
        }
        _ => ok(&String::from_utf8_lossy(&request.body)),
    });
    let relay = relay::to(app.address());
    let mut wire = Wire::connect(relay.address);
    wire.send(request("POST", "h", "/echo", "Content-Length: 4\r\n") + "body");
    assert_eq!(Message::read_response(&mut wire, "POST").text(), "body");
    wire.send(request("GET", "h", "/chunked", ""));
    let answer = Message::read_response(&mut wire, "GET");
    assert_eq!(answer.text(), "abcde");
    assert_eq!(answer.trailers, [("X-End".to_owned(), "yes".to_owned())]);
    assert_eq!(app.requests().len(), 2);
}

#[test]
fn a_stream_hash_depends_on_content_and_not_on_cuts() {
    let bytes = Random::seeded(3).bytes(10_007);
    let mut whole = StreamHash::default();
    whole.add(&bytes);
    let mut random = Random::seeded(4);
    let (mut cut, mut rest) = (StreamHash::default(), bytes.as_slice());
    while !rest.is_empty() {
        let count = random.below(40).min(rest.len());
        cut.add(&rest[..count]);
        rest = &rest[count..];
    }
    assert_eq!(whole.clone().finish(), cut.finish());
    let mut other = StreamHash::default();
    other.add(&bytes[..10_006]);
    other.add(&[bytes[10_006] ^ 1]);
    assert_ne!(whole.finish(), other.finish());
}

#[test]
fn metrics_text_is_read_with_escapes() {
    let text = "# HELP a_total Help.\n# TYPE a_total counter\na_total{x=\"1\",y=\"q\\\"}\"} 2\na_total{x=\"2\"} 3\nb 0.5\n";
    let metrics = Metrics::parse(text);
    assert_eq!(metrics.count("a_total", &[]), 5);
    assert_eq!(metrics.count("a_total", &[("y", "q\"}")]), 2);
    assert!((metrics.sum("b", &[]) - 0.5).abs() < f64::EPSILON);
    assert!(metrics.has("a_total") && !metrics.has("b"));
}

#[test]
fn times_of_reports_are_read() {
    assert_eq!(seconds_of("1970-01-01T00:00:00Z"), 0);
    assert_eq!(seconds_of("2000-02-29T23:59:59.5Z"), 951_868_799);
    assert_eq!(seconds_of("2026-01-31T12:00:00+00:00"), 1_769_860_800);
}

#[test]
fn close_frames_carry_code_and_reason() {
    let frame = Frame::close(1014, "gone");
    assert_eq!(
        (frame.opcode, frame.close_code(), frame.close_reason().as_str()),
        (CLOSE, Some(1014), "gone")
    );
    assert_eq!(Frame::new(TEXT, [3, 246]).close_code(), None);
}
