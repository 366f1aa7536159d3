//! permessage-deflate (RFC 7692): what is inside is judged, whoever compresses it and how; and what
//! the settings of `compression` do.

use flate2::{Compress, Compression, FlushCompress};

use crate::harness::frame::{CONTINUATION, Frame, RSV1};
use crate::harness::http::{Head, Message};
use crate::harness::session::{Peer, consent, upgrade};
use crate::harness::wait::eventually;
use crate::scene::{SOCKET_IO, Scene};

const OFFER: &str = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";
const AGREED: &str = "Sec-WebSocket-Extensions: permessage-deflate\r\n";

/// One end's deflater. RFC 7692 section 7.2.1.
struct Deflater {
    stream: Compress,
    takeover: bool,
}

impl Deflater {
    fn new(takeover: bool) -> Deflater {
        Deflater { stream: Compress::new(Compression::new(6), false), takeover }
    }

    fn message(&mut self, text: &str) -> Vec<u8> {
        if !self.takeover {
            self.stream.reset();
        }
        let mut bytes = Vec::with_capacity(text.len() + 64);
        self.stream.compress_vec(text.as_bytes(), &mut bytes, FlushCompress::Sync).unwrap();
        assert!(bytes.ends_with(&[0, 0, 0xff, 0xff]));
        bytes.truncate(bytes.len() - 4);
        bytes
    }

    fn frame(&mut self, text: &str) -> Frame {
        Frame::text("").with_rsv(RSV1).with_payload(self.message(text))
    }
}

/// Heartbeats and clicks from both sides, all of them compressed: the second of its kind refers to
/// the first where there is takeover, and is nothing but a reference.
fn exchange(scene: &Scene, agreed: &str, takeover: bool) {
    let (mut client, mut server) = scene.open(SOCKET_IO, OFFER, agreed);
    let (mut up, mut down) = (Deflater::new(takeover), Deflater::new(takeover));
    let click = "42[\"click\",{\"button\":\"a button\"}]";
    for text in ["3", "3", click, "3", click] {
        let frame = up.frame(text);
        client.send(&frame);
        server.expect(&frame);
    }
    for text in ["2", "2", click, "2"] {
        let frame = down.frame(text);
        server.send(&frame);
        client.expect(&frame);
    }
}

#[test]
fn both_sides_are_read_with_and_without_takeover() {
    let scene = Scene::start("count = \"both\"");
    exchange(&scene, AGREED, true);
    let counts = |scene: &Scene| {
        (scene.activity("input"), scene.activity("output"), scene.ignored("heartbeat"))
    };
    assert_eq!(counts(&scene), (2, 1, 6));
    let scene = Scene::start("count = \"both\"");
    let agreed = "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; \
                  client_no_context_takeover\r\n";
    exchange(&scene, agreed, false);
    assert_eq!(counts(&scene), (2, 1, 6));
}

/// A sender may compress one message and not the next, and the history goes on.
#[test]
fn compression_is_each_messages_own() {
    let scene = Scene::start("");
    let (mut client, mut server) = scene.open(SOCKET_IO, OFFER, AGREED);
    let mut up = Deflater::new(true);
    let frames =
        [up.frame("3"), Frame::text("3"), up.frame("42[1]"), Frame::text("42[1]"), up.frame("3")];
    for frame in &frames {
        client.send(frame);
        server.expect(frame);
    }
    assert_eq!((scene.activity("input"), scene.ignored("heartbeat")), (2, 3));
}

#[test]
fn a_compressed_message_in_pieces_is_one() {
    let scene = Scene::start("");
    let (mut client, mut server) = scene.open(SOCKET_IO, OFFER, AGREED);
    let mut up = Deflater::new(true);
    for text in ["3", "42[\"click\"]", "3"] {
        let bytes = up.message(text);
        let (first, rest) = bytes.split_at(1);
        let frames = [
            Frame::text("").with_rsv(RSV1).with_payload(first).unfinished(),
            Frame::ping("between"),
            Frame::new(CONTINUATION, rest),
        ];
        for frame in &frames {
            client.send(frame);
            server.expect(frame);
        }
    }
    assert_eq!((scene.activity("input"), scene.ignored("heartbeat")), (1, 2));
}

/// 64 MiB of zeros in 64 KiB, again and again: it passes, it counts, and the proxy stays small.
#[test]
fn a_bomb_passes_and_costs_no_memory() {
    let scene = Scene::start("");
    let (mut client, mut server) = scene.open(SOCKET_IO, OFFER, AGREED);
    let bomb = Deflater::new(true).frame(&"\0".repeat(64 << 20));
    let before = scene.proxy.resident_bytes();
    for _ in 0..8 {
        client.send(&bomb);
        server.expect(&bomb);
    }
    assert_eq!(scene.activity("input"), 8);
    let grown = scene.proxy.resident_bytes().saturating_sub(before);
    assert!(grown < 16 << 20, "it grew by {grown} bytes");
}

/// What forgotten tabs cost the process: `cargo test --test judge histories -- --nocapture`.
#[test]
fn histories_cost_no_more_than_their_windows() {
    const TABS: u64 = 200;
    let scene = Scene::start("");
    let mut tabs: Vec<_> =
        (0..TABS).map(|_| (scene.open(SOCKET_IO, OFFER, AGREED), Deflater::new(true))).collect();
    let before = scene.proxy.resident_bytes();
    let mut say = |text: &str| {
        for ((client, server), up) in &mut tabs {
            let frame = up.frame(text);
            client.send(&frame);
            server.expect(&frame);
        }
    };
    let each = || scene.proxy.resident_bytes().saturating_sub(before) / TABS;
    say("3");
    let first = each();
    // More than a window of what repeats nothing.
    let mut words = (0_u64..).map(|n| format!("{:016x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
    for _ in 0..10 {
        say(&words.by_ref().take(256).collect::<String>());
    }
    // The windows that were outgrown are given back to the kernel a moment later.
    let last = eventually("full histories take their windows", || {
        Some(each()).filter(|each| *each < 40_000)
    });
    println!(
        "Each of {TABS} tabs costs {first} bytes more after its first compressed heartbeat, {last} \
         when its history is full."
    );
}

/// Nothing of what it cannot read is taken for a heartbeat, and the session lives on.
#[test]
fn broken_compression_counts() {
    let scene = Scene::start("");
    let (mut client, mut server) = scene.open(SOCKET_IO, OFFER, AGREED);
    let mut up = Deflater::new(true);
    let broken = Frame::text("").with_rsv(RSV1).with_payload([0xff; 40]);
    for frame in [up.frame("3"), broken, up.frame("3"), Frame::text("3")] {
        client.send(&frame);
        server.expect(&frame);
    }
    assert_eq!((scene.activity("input"), scene.ignored("heartbeat")), (2, 2));
}

/// The handshake as the app sees it, and the session that comes of it.
fn handshake(scene: &Scene, agreed: &str) -> (Head, Peer, Peer) {
    use crate::harness::session::Role;
    let mut client = scene.proxy.connect();
    client.send(upgrade("demo.test", SOCKET_IO, OFFER));
    let mut server = scene.app.accept();
    let head = Head::read(&mut server);
    server.send(consent(agreed));
    assert_eq!(Message::read_response(&mut client, "GET").status(), 101);
    (head, Peer::new(client, Role::Client), Peer::new(server, Role::App))
}

#[test]
fn strip_takes_the_offer_away() {
    let scene = Scene::start("compression = \"strip\"");
    let (head, mut client, mut server) = handshake(&scene, "");
    assert_eq!(head.get("sec-websocket-extensions"), None, "{head:?}");
    client.send(&Frame::text("3"));
    server.receive();
    assert_eq!((scene.activity("input"), scene.ignored("heartbeat")), (0, 1));
}

#[test]
fn pass_leaves_the_offer_and_looks_into_nothing_compressed() {
    let scene = Scene::start("compression = \"pass\"");
    let (head, mut client, mut server) = handshake(&scene, AGREED);
    let offered = head.get("sec-websocket-extensions");
    assert_eq!(offered, Some("permessage-deflate; client_max_window_bits"));
    for frame in [Deflater::new(true).frame("3"), Frame::text("3")] {
        client.send(&frame);
        server.expect(&frame);
    }
    assert_eq!((scene.activity("input"), scene.ignored("heartbeat")), (1, 1));
}
