//! A page's own heartbeat: answered by the app, or for it, never twice; and a page whose app does not
//! answer in time is sent to reconnect.

use crate::harness::app::App;
use crate::harness::frame::{Frame, PING, PONG};
use crate::harness::proxy::Proxy;
use crate::harness::scratch::Scratch;
use crate::harness::session::Peer;
use crate::harness::setup::Setup;
use crate::harness::wait::eventually;
use crate::scene::Scene;

/// BackMsg.app_heartbeat and ForwardMsg.heartbeat_ack of Streamlit.
const ASK: [u8; 3] = [0x88, 0x01, 0x01];
const ANSWER: [u8; 3] = [0xd0, 0x01, 0x01];
/// What Ebbtide says for an app: the same behind an empty git_info_changed, which is all that pages
/// before 1.55 read of it. They show an error for a message of which they know no part.
const ANSWER_FOR: [u8; 5] = [0x72, 0x00, 0xd0, 0x01, 0x01];

fn stream(scene: &Scene) -> (Peer, Peer) {
    let asked = "Sec-WebSocket-Protocol: streamlit, x\r\n";
    scene.open("/_stcore/stream", asked, "Sec-WebSocket-Protocol: streamlit\r\n")
}

/// Fails if anything is on its way to either end before what the other sends now.
fn nothing_between(client: &mut Peer, server: &mut Peer) {
    let mark = Frame::binary([0x5a, 0x00]);
    client.send(&mark);
    server.expect(&mark);
    server.send(&mark);
    client.expect(&mark);
}

#[test]
fn an_app_that_answers_is_left_to_it() {
    let scene = Scene::start("");
    let (mut client, mut server) = stream(&scene);
    for _ in 0..3 {
        client.send(&Frame::binary(ASK));
        server.expect(&Frame::binary(ASK));
        server.send(&Frame::binary(ANSWER));
        client.expect(&Frame::binary(ANSWER));
    }
    assert_eq!((scene.activity("input"), scene.activity("output")), (0, 0));
    assert_eq!((scene.ignored("heartbeat"), scene.ignored("ack")), (3, 3));
    nothing_between(&mut client, &mut server);
}

/// An app before 1.55: it gets the heartbeat and says nothing, but its server answers pings.
#[test]
fn an_old_app_is_answered_for_once_it_has_proven_to_live() {
    let scene = Scene::start("");
    let (mut client, mut server) = stream(&scene);
    for _ in 0..2 {
        client.send(&Frame::binary(ASK));
        server.expect(&Frame::binary(ASK));
        let ping = server.receive();
        assert_eq!((ping.opcode, ping.payload.len()), (PING, 8), "{ping:?}");
        // Somebody else's pong proves nothing, and passes.
        server.send(&Frame::new(PONG, "other"));
        client.expect(&Frame::new(PONG, "other"));
        server.send(&Frame::new(PONG, ping.payload));
        client.expect(&Frame::binary(ANSWER_FOR));
        nothing_between(&mut client, &mut server);
    }
    assert_eq!(scene.ignored("heartbeat"), 2);
}

/// Neither half of a pong that comes in two is left behind when it is taken out.
#[test]
fn a_pong_in_two_pieces_is_taken_out_whole() {
    let scene = Scene::start("");
    let (mut client, mut server) = stream(&scene);
    client.send(&Frame::binary(ASK));
    server.expect(&Frame::binary(ASK));
    let pong = Frame::new(PONG, server.receive().payload).encode();
    // In one segment, so that who has got the first has read the second.
    let data = Frame::binary([0x0a, 0x00]);
    server.wire.send([&data.encode()[..], &pong[..3]].concat());
    client.expect(&data);
    server.wire.send(&pong[3..]);
    client.expect(&Frame::binary(ANSWER_FOR));
    nothing_between(&mut client, &mut server);
}

/// What the app says to a heartbeat that was answered for it is not for the page.
#[test]
fn a_late_answer_is_taken_out() {
    let scene = Scene::start("");
    let (mut client, mut server) = stream(&scene);
    client.send(&Frame::binary(ASK));
    server.expect(&Frame::binary(ASK));
    let ping = server.receive();
    server.send(&Frame::new(PONG, ping.payload));
    client.expect(&Frame::binary(ANSWER_FOR));
    server.send(&Frame::binary(ANSWER));
    nothing_between(&mut client, &mut server);
    // It answers after all, and is left to it from now on.
    client.send(&Frame::binary(ASK));
    server.expect(&Frame::binary(ASK));
    server.send(&Frame::binary(ANSWER));
    client.expect(&Frame::binary(ANSWER));
    nothing_between(&mut client, &mut server);
}

/// An answer is never put into a message that is on its way, but behind it.
#[test]
fn an_answer_waits_for_the_end_of_a_message() {
    let scene = Scene::start("");
    let (mut client, mut server) = stream(&scene);
    let (first, last) = (Frame::binary([0x0a]).unfinished(), Frame::new(0, [0x00]));
    server.send(&first);
    client.expect(&first);
    client.send(&Frame::binary(ASK));
    server.expect(&Frame::binary(ASK));
    let ping = server.receive();
    server.send(&Frame::new(PONG, ping.payload));
    server.send(&Frame::ping("control"));
    client.expect(&Frame::ping("control"));
    server.send(&last);
    client.expect(&last);
    client.expect(&Frame::binary(ANSWER_FOR));
}

/// Sends so many heartbeats, of which the first is answered by a ping that the app leaves unanswered until
/// it has got them all.
fn ask_often(client: &mut Peer, server: &mut Peer, times: usize) {
    client.send(&Frame::binary(ASK));
    server.expect(&Frame::binary(ASK));
    let ping = server.receive();
    for _ in 1..times {
        client.send(&Frame::binary(ASK));
        server.expect(&Frame::binary(ASK));
    }
    server.send(&Frame::new(PONG, ping.payload));
}

/// What is owed to a client is kept in memory, so it may not owe us its patience for any number of them.
#[test]
fn a_client_that_asks_without_end_is_told_to_go() {
    let scene = Scene::start("");
    let (mut client, mut server) = stream(&scene);
    for times in [1, 64] {
        ask_often(&mut client, &mut server, times);
        (0..times).for_each(|_| client.expect(&Frame::binary(ANSWER_FOR)));
        nothing_between(&mut client, &mut server);
    }
    ask_often(&mut client, &mut server, 65);
    assert_eq!(client.expect_close(1008), "too many heartbeats");
    assert_eq!(server.expect_close(1008), "too many heartbeats");
    client.finish(1008);
    server.finish(1008);
    scene.proxy.await_sessions(0);
}

/// A framework whose heartbeat the app must answer within `timeout`.
fn strict(app: &App, ack: &str) -> (Proxy, Scratch) {
    let packs = Scratch::new();
    let pack = format!(
        r#"
name = "toy"
[[connection]]
path = '^/toy$'
[[message]]
id = "ask"
from = "client"
class = "heartbeat"
text = "are you there?"
[[message]]
id = "answer"
from = "app"
class = "ack"
text = "yes"
[heartbeat]
ask = "ask"
answer = "answer"
answer_hex = "796573"
ack = "{ack}"
timeout = "2s"
"#
    );
    let file = packs.file("toy.toml", &pack);
    let folder = file.parent().unwrap().display().to_string();
    let setup = Setup::new().key(&format!("pack_dir = {folder:?}"));
    (setup.app("demo", app.address(), "packs = [\"toy\"]").start(), packs)
}

#[test]
fn a_page_whose_app_is_frozen_is_sent_to_reconnect() {
    for ack in ["app", "auto", "proxy"] {
        let app = App::listen();
        let (proxy, _packs) = strict(&app, ack);
        let scene = Scene { app, proxy };
        let (mut client, mut server) = scene.open("/toy", "", "");
        client.send(&Frame::text("are you there?"));
        server.expect(&Frame::text("are you there?"));
        assert_eq!(client.close_frame().0, 1012, "{ack}");
        let labels = [("reason", "ack_timeout"), ("leg", "app")];
        eventually("the end is counted", || {
            let ended = scene.proxy.metrics().count("ebbtide_reaped_total", &labels);
            (ended == 1).then_some(())
        });
    }
}

#[test]
fn timeouts_that_cannot_be_are_mistakes() {
    for timeout in ["0s", "-1s", "inf", "NaN"] {
        let app = App::listen();
        let packs = Scratch::new();
        let pack = "name = \"toy\"\n[[message]]\nid = \"a\"\nfrom = \"both\"\nclass = \"ack\"\n\
                    text = \"a\"\n[heartbeat]\nask = \"a\"\nanswer = \"a\"\nanswer_hex = \"61\"\n";
        let folder = packs.file("toy.toml", &format!("{pack}timeout = {timeout:?}\n"));
        let folder = folder.parent().unwrap().display().to_string();
        let setup = Setup::new().key(&format!("pack_dir = {folder:?}"));
        let config = setup.app("demo", app.address(), "packs = [\"toy\"]").toml();
        let configs = Scratch::new();
        let file = configs.file("ebbtide.toml", &config);
        let told = crate::harness::command::finish(
            crate::harness::command::ebbtide().args(["check", "--config"]).arg(file),
        );
        assert_eq!(told.code, Some(2), "{timeout}: {told:?}");
        assert!(told.stderr.contains("timeout"), "{timeout}: {told:?}");
    }
}
