//! `count`: whose messages count.

use crate::harness::frame::Frame;
use crate::scene::{SOCKET_IO, Scene};

/// What a message of the app comes to with these lines, on this connection.
fn output_counts(lines: &str, target: &str) -> bool {
    let scene = Scene::start(lines);
    let (mut client, mut server) = scene.open(target, "", "");
    server.send(&Frame::text("a chart"));
    client.receive();
    client.send(&Frame::text("a click"));
    server.receive();
    assert_eq!(scene.activity("input"), 1, "{lines}: the client's counts in any case");
    let (counted, ignored) = (scene.activity("output"), scene.ignored("output"));
    assert_eq!(counted + ignored, 1, "{lines}");
    counted == 1
}

#[test]
fn both_counts_both_and_input_only_input() {
    assert!(output_counts("count = \"both\"", SOCKET_IO), "whatever the pack advises");
    assert!(!output_counts("count = \"input\"", "/unknown"), "whatever no pack advises");
}

#[test]
fn pack_does_what_the_packs_of_the_connection_advise() {
    assert!(!output_counts("", SOCKET_IO), "input is what socketio advises, found by auto");
    assert!(!output_counts("packs = [\"socketio\"]", SOCKET_IO));
    assert!(output_counts("packs = [\"socketio\"]", "/unknown"), "not its connection");
    assert!(output_counts("", "/api/kernels/1/channels"), "a kernel at work: jupyter says both");
    assert!(output_counts("packs = []", SOCKET_IO), "no pack, no advice");
}
