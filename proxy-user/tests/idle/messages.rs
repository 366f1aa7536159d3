//! What a message was, where no rule looks into it: its kind and its size are those of its frame.

use serde_json::{Value, json};

use crate::harness::app::App;
use crate::harness::frame::Frame;
use crate::harness::proxy::Proxy;
use crate::harness::session::open;
use crate::harness::setup::Setup;
use crate::harness::wait::eventually;
use crate::scene::{await_demo, demo};

/// What counted last, once it is of this kind.
fn newest(proxy: &Proxy, reason: &str) -> Value {
    let fits = |demo: &Value| demo["last_activity"]["reason"] == reason;
    await_demo(proxy, reason, fits)["last_activity"].clone()
}

/// Messages of the app in an app whose input is looked into, for the sake of its pace, and whose output is
/// not.
#[test]
fn output_beside_inspected_input() {
    let app = App::listen();
    let lines = "packs = []\ncount = \"both\"\nidle_after = \"1h\"\non_idle = \"shadow\"";
    let proxy = Setup::new().app("demo", app.address(), lines).start();
    let (mut client, mut server) = open(&proxy, &app);
    // What comes within 4 ms of the handshake is not noted.
    let last = eventually("output", || {
        server.send(&Frame::binary([7; 20]));
        client.receive();
        let last = demo(&proxy)["last_activity"].clone();
        (last["reason"] == "output").then_some(last)
    });
    assert_eq!((&last["kind"], &last["bytes"]), (&json!("binary"), &json!([16, 31])), "{last}");
}

/// A browser's pong may come right behind a message.
#[test]
fn a_control_frame_behind_a_message_in_one_read() {
    let app = App::listen();
    let proxy = Setup::demo(app.address()).start();
    let (mut client, mut server) = open(&proxy, &app);
    let frames = [Frame::binary([7; 20]), Frame::ping("x")].map(|frame| client.encode(&frame));
    client.wire.send(frames.concat());
    server.expect(&Frame::binary([7; 20]));
    server.expect(&Frame::ping("x"));
    let last = newest(&proxy, "input");
    assert_eq!((&last["kind"], &last["bytes"]), (&json!("binary"), &json!([16, 31])), "{last}");
}

/// A continuation is of the kind of its message, also when nothing else of it comes in the same read.
#[test]
fn the_rest_of_a_fragmented_message() {
    let app = App::listen();
    let proxy = Setup::demo(app.address()).start();
    let (mut client, mut server) = open(&proxy, &app);
    client.send(&Frame::binary([7; 3]).unfinished());
    server.receive();
    // What comes within 4 ms of another is not noted.
    let last = eventually("the continuation", || {
        client.send(&Frame::new(0, [7; 40]).unfinished());
        server.receive();
        let last = demo(&proxy)["last_activity"].clone();
        (last["bytes"] == json!([32, 63])).then_some(last)
    });
    assert_eq!(last["kind"], "binary", "{last}");
}
