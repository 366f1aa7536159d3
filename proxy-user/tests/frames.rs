//! Frames after RFC 6455: the legal ones pass byte for byte, the illegal ones end the session as
//! the contract says, and what was sent before them still arrives.
#![allow(clippy::print_stdout, reason = "names the case; shown when the test fails")]

mod harness;

use harness::app::App;
use harness::frame::{BINARY, CONTINUATION, Frame, PING, RSV1, RSV2, RSV3, TEXT, header};
use harness::payload::Random;
use harness::proxy::Proxy;
use harness::session::{Peer, open, open_with};
use harness::setup::Setup;

const DEFLATE: &str = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
const KEY: [u8; 4] = [0xA1, 0xB2, 0xC3, 0xD4];

fn start() -> (App, Proxy) {
    let app = App::listen();
    let proxy = Setup::demo(app.address()).start();
    (app, proxy)
}

/// Sends a good frame and, in the same segment, bytes that break the protocol. The other end must
/// get the good frame and then nothing but a Close; the offender a Close too.
fn violate(name: &str, offender: &mut Peer, other: &mut Peer, good: &Frame, bad: &[u8]) {
    println!("case: {name}");
    let mut bytes = offender.encode(good);
    bytes.extend_from_slice(bad);
    offender.wire.send(bytes);
    other.expect(good);
    other.expect_close(1002);
    offender.expect_close(1002);
}

/// A masked frame of the client whose header says what a legal one cannot.
fn masked(first: u8, length: u64) -> Vec<u8> {
    header(first, length, Some(KEY))
}

#[test]
fn a_client_that_breaks_the_protocol_closes_both_legs_with_1002() {
    let (app, proxy) = start();
    let mut long_ping = masked(0x80 | PING, 126);
    long_ping.extend([0; 126]);
    let top_bit = masked(0x80 | BINARY, 1 << 63);
    let all_bits = masked(0x80 | BINARY, u64::MAX);
    let cases: [(&str, Vec<u8>); 11] = [
        ("unmasked text", Frame::text("bare").encode()),
        ("unmasked ping", Frame::ping("bare").encode()),
        ("ping of 126 bytes", long_ping),
        ("64-bit length with the top bit set", top_bit),
        ("64-bit length of all ones", all_bits),
        ("opcode 0x3", masked(0x83, 0)),
        ("opcode 0x7", masked(0x87, 0)),
        ("opcode 0xB", masked(0x8B, 0)),
        ("RSV1 without an extension", masked(0x80 | RSV1 | TEXT, 0)),
        ("RSV2 without an extension", masked(0x80 | RSV2 | TEXT, 0)),
        ("RSV3 without an extension", masked(0x80 | RSV3 | TEXT, 0)),
    ];
    for (name, bad) in cases {
        let (mut client, mut server) = open(&proxy, &app);
        violate(name, &mut client, &mut server, &Frame::text("before"), &bad);
        server.finish(1002);
        client.finish(1002);
    }
    proxy.await_sessions(0);
}

#[test]
fn an_app_that_breaks_the_protocol_closes_both_legs_with_1002() {
    let (app, proxy) = start();
    let mut long_pong = header(0x8A, 126, None);
    long_pong.extend([0; 126]);
    let cases: [(&str, Vec<u8>); 5] = [
        ("pong of 126 bytes", long_pong),
        ("64-bit length with the top bit set", header(0x82, 1 << 63, None)),
        ("opcode 0x5", header(0x85, 0, None)),
        ("opcode 0xF", header(0x8F, 0, None)),
        ("RSV1 without an extension", header(0x80 | RSV1 | TEXT, 0, None)),
    ];
    for (name, bad) in cases {
        let (mut client, mut server) = open(&proxy, &app);
        violate(name, &mut server, &mut client, &Frame::text("before"), &bad);
        server.finish(1002);
        client.finish(1002);
    }
    proxy.await_sessions(0);
}

/// RFC 6455 sections 5.1, 5.4 and 5.5 forbid these too; the contract's row begins with "breaks
/// RFC 6455" and names the commonest.
#[test]
fn frames_out_of_place_close_both_legs_with_1002() {
    let (app, proxy) = start();
    let from_client: [(&str, Frame, Vec<u8>); 3] = [
        ("a fragmented ping", Frame::text("before"), masked(PING, 0)),
        ("a continuation of nothing", Frame::text("before"), masked(0x80 | CONTINUATION, 0)),
        ("a new message inside a message", Frame::text("bef").unfinished(), masked(0x81, 0)),
    ];
    for (name, good, bad) in from_client {
        let (mut client, mut server) = open(&proxy, &app);
        violate(name, &mut client, &mut server, &good, &bad);
    }
    let (mut client, mut server) = open(&proxy, &app);
    let bad = Frame::text("masked").masked(KEY).encode();
    violate("a masked frame of the app", &mut server, &mut client, &Frame::text("before"), &bad);
}

#[test]
fn a_violation_is_seen_however_it_is_cut() {
    let (app, proxy) = start();
    let (mut client, mut server) = open(&proxy, &app);
    client.send(&Frame::text("before"));
    server.expect(&Frame::text("before"));
    let bad = masked(0x80 | BINARY, 1 << 63);
    client.wire.dribble(&bad[..10]);
    server.expect_close(1002);
    client.expect_close(1002);
}

#[test]
fn rsv1_needs_an_extension_that_both_sides_agreed_on() {
    let (app, proxy) = start();
    // "Hello" deflated: RFC 7692 section 7.2.3.1.
    let hello = Frame::new(TEXT, *b"\xf2\x48\xcd\xc9\xc9\x07\x00").with_rsv(RSV1);
    let (mut client, mut server) = open_with(&proxy, &app, DEFLATE, DEFLATE);
    client.send(&hello);
    server.expect(&hello);
    server.send(&hello);
    client.expect(&hello);
    let bad = masked(0x80 | RSV2 | TEXT, 0);
    violate("RSV2 under permessage-deflate", &mut client, &mut server, &hello, &bad);

    let (mut client, mut server) = open_with(&proxy, &app, DEFLATE, "");
    let bad = hello.masked(KEY).encode();
    let good = Frame::text("before");
    violate("RSV1 after the app declined", &mut client, &mut server, &good, &bad);
}

/// RFC 7692 section 6.1: a message is compressed as a whole, and its first frame says so.
#[test]
fn rsv1_on_a_continuation_closes_both_legs_with_1002() {
    let (app, proxy) = start();
    let begun = Frame::new(TEXT, *b"\xf2\x48\xcd").with_rsv(RSV1).unfinished();
    let (mut client, mut server) = open_with(&proxy, &app, DEFLATE, DEFLATE);
    let bad = masked(0x80 | RSV1 | CONTINUATION, 0);
    violate("RSV1 on a client's continuation", &mut client, &mut server, &begun, &bad);

    let (mut client, mut server) = open_with(&proxy, &app, DEFLATE, DEFLATE);
    let bad = header(0x80 | RSV1 | CONTINUATION, 0, None);
    violate("RSV1 on an app's continuation", &mut server, &mut client, &begun, &bad);
}

#[test]
fn a_frame_over_the_limit_closes_with_1009() {
    let app = App::listen();
    let limits = "[limits]\nframe_bytes = \"1KiB\"";
    let proxy = Setup::demo(app.address()).section(limits).start();
    for over in [1025, 70_000, 1 << 40] {
        let (mut client, mut server) = open(&proxy, &app);
        let fits = Frame::binary([1; 1024]);
        client.send(&fits);
        server.expect(&fits);
        client.wire.send(masked(0x80 | BINARY, over));
        client.expect_close(1009);
        server.expect_close(1009);

        let (mut client, mut server) = open(&proxy, &app);
        server.send(&fits);
        client.expect(&fits);
        server.wire.send(header(0x80 | BINARY, over, None));
        server.expect_close(1009);
        client.expect_close(1009);
    }
}

/// A length is a promise of the sender, not an order for memory.
#[test]
fn a_frame_of_a_terabyte_passes_piece_by_piece() {
    let (app, proxy) = start();
    let (mut client, mut server) = open(&proxy, &app);
    let before = proxy.resident_bytes();
    let head = masked(0x80 | BINARY, 1 << 40);
    client.wire.send(&head);
    assert_eq!(server.wire.exactly(head.len()), head);
    let mut random = Random::seeded(5);
    for _ in 0..64 {
        let piece = random.bytes(64 * 1024);
        client.wire.send(&piece);
        assert!(server.wire.exactly(piece.len()) == piece, "a piece was changed");
    }
    let grown = proxy.resident_bytes().saturating_sub(before);
    assert!(grown < 64 << 20, "the proxy grew by {grown} bytes");
}

/// Sends whole byte strings and compares whole byte strings: not even a mask may change.
#[test]
fn legal_frames_pass_byte_for_byte() {
    let (app, proxy) = start();
    let (mut client, mut server) = open(&proxy, &app);
    let mut random = Random::seeded(6);
    for length in [0, 1, 2, 125, 126, 127, 128, 65_535, 65_536, 65_537, 1 << 20] {
        for opcode in [TEXT, BINARY] {
            let frame = Frame::new(opcode, random.bytes(length));
            let up = frame.clone().masked(random.key()).encode();
            client.wire.send(&up);
            assert!(server.wire.exactly(up.len()) == up, "{length} bytes of {opcode} to the app");
            let down = frame.encode();
            server.wire.send(&down);
            assert!(client.wire.exactly(down.len()) == down, "{length} bytes to the client");
        }
    }
}

#[test]
fn fragments_with_control_frames_between_them_pass_byte_for_byte() {
    let (app, proxy) = start();
    let (mut client, mut server) = open(&proxy, &app);
    let message = [
        Frame::text("one").unfinished(),
        Frame::ping("between"),
        Frame::new(CONTINUATION, "").unfinished(),
        Frame::new(CONTINUATION, "two").unfinished(),
        Frame::new(0xA, "unasked pong"),
        Frame::new(PING, [0; 125]),
        Frame::ping(""),
        Frame::new(CONTINUATION, "end"),
        Frame::text("a message of its own"),
    ];
    let mut random = Random::seeded(8);
    let up: Vec<u8> =
        message.iter().flat_map(|f| f.clone().masked(random.key()).encode()).collect();
    client.wire.send(&up);
    assert_eq!(server.wire.exactly(up.len()), up);
    let down: Vec<u8> = message.iter().flat_map(Frame::encode).collect();
    server.wire.send(&down);
    assert_eq!(client.wire.exactly(down.len()), down);
    let kinds = |kind| {
        let labels = [("app", "demo"), ("direction", "input"), ("kind", kind)];
        proxy.metrics().count("ebbtide_frames_total", &labels)
    };
    assert_eq!((kinds("data"), kinds("control")), (5, 4));
}

/// What either end sends is counted as its own, by kind, and only once.
#[test]
fn frames_are_counted_by_direction_and_kind() {
    let (app, proxy) = start();
    let (mut client, mut server) = open(&proxy, &app);
    for n in 0..7 {
        client.send(&Frame::text(&format!("input {n}")));
        server.receive();
    }
    for _ in 0..3 {
        server.send(&Frame::binary([9; 1000]));
        client.receive();
    }
    server.send(&Frame::ping("p"));
    client.receive();
    let metrics = proxy.metrics();
    let count = |direction, kind| {
        let labels = [("app", "demo"), ("direction", direction), ("kind", kind)];
        metrics.count("ebbtide_frames_total", &labels)
    };
    assert_eq!((count("input", "data"), count("output", "data")), (7, 3));
    assert_eq!((count("input", "control"), count("output", "control")), (0, 1));
    let bytes =
        metrics.count("ebbtide_frame_bytes_total", &[("app", "demo"), ("direction", "output")]);
    assert!(bytes >= 3000, "at least the payload: {bytes}");
    let sessions = proxy.sessions();
    let legs = &sessions[0]["legs"];
    assert_eq!(
        (&legs["client"]["frames"]["data"], &legs["app"]["frames"]["data"]),
        (&7.into(), &3.into())
    );
    assert_eq!(legs["app"]["frames"]["control"], 1);
}
