//! One message is one verdict, however it is cut into frames and reads (RFC 6455 section 5.4).

use crate::harness::frame::{CONTINUATION, Frame};
use crate::harness::wait::pause;
use crate::scene::{SOCKET_IO, Scene};

#[test]
fn heartbeats_in_one_write_are_told_from_a_click_among_them() {
    let scene = Scene::start("");
    let (mut client, mut server) = scene.open(SOCKET_IO, "", "");
    let frames = ["3", "3", "42[\"click\"]", "3"].map(Frame::text);
    let bytes: Vec<u8> = frames.iter().flat_map(|frame| client.encode(frame)).collect();
    client.wire.send(bytes);
    for frame in &frames {
        server.expect(frame);
    }
    assert_eq!((scene.activity("input"), scene.ignored("heartbeat")), (1, 3));
}

#[test]
fn a_message_in_pieces_with_pings_between_them_is_one() {
    let scene = Scene::start("");
    let (mut client, mut server) = scene.open(SOCKET_IO, "", "");
    let pieces = |first: &str, second: &str| {
        [
            Frame::text(first).unfinished(),
            Frame::ping("between"),
            Frame::new(CONTINUATION, "").unfinished(),
            Frame::new(CONTINUATION, second),
        ]
    };
    // A heartbeat whose first frame is empty, then a click whose first frame is a heartbeat's.
    for frame in pieces("", "3").iter().chain(&pieces("3", "3")) {
        client.send(frame);
        server.expect(frame);
    }
    assert_eq!((scene.activity("input"), scene.ignored("heartbeat")), (1, 1));
}

#[test]
fn a_heartbeat_that_comes_byte_by_byte_is_one() {
    let scene = Scene::start("");
    let (mut client, mut server) = scene.open(SOCKET_IO, "", "");
    for byte in client.encode(&Frame::text("3")) {
        client.wire.send([byte]);
        pause(std::time::Duration::from_millis(5));
    }
    server.expect(&Frame::text("3"));
    assert_eq!((scene.activity("input"), scene.ignored("heartbeat")), (0, 1));
}

#[test]
fn a_large_message_is_a_click_and_passes_whole() {
    let scene = Scene::start("");
    let (mut client, mut server) = scene.open(SOCKET_IO, "", "");
    let large = Frame::text(&"3".repeat(3_000_000));
    let bytes = client.encode(&large);
    let mut writer = client.wire.writer();
    let sender = std::thread::spawn(move || writer.send(bytes));
    server.expect(&large);
    sender.join().unwrap();
    assert_eq!((scene.activity("input"), scene.ignored("heartbeat")), (1, 0));
}

#[test]
fn what_one_framework_calls_a_heartbeat_is_a_click_elsewhere() {
    let scene = Scene::start("");
    let (mut client, mut server) = scene.open("/terminal", "", "");
    client.send(&Frame::text("3"));
    server.receive();
    client.send(&Frame::ping("3"));
    server.receive();
    assert_eq!((scene.activity("input"), scene.ignored("heartbeat")), (1, 0));
}
