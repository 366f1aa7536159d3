//! A page that gets its connection back by itself is no visitor, and neither is one that loads itself.

use crate::harness::frame::Frame;
use crate::scene::{SOCKET_IO, Scene};

const KERNEL: &str = "/api/kernels/1/channels";
const GREETING: &str = r#"{"header":{"msg_type":"kernel_info_request"},"channel":"shell"}"#;

#[test]
fn a_reconnect_and_its_greeting_do_not_count_without_a_navigation() {
    let scene = Scene::start("packs = [\"jupyter\"]");
    let (mut client, mut server) = scene.open(KERNEL, "", "");
    client.send(&Frame::text(GREETING));
    server.receive();
    assert_eq!((scene.activity("upgrade"), scene.activity("input")), (0, 0));
    assert_eq!(scene.ignored("reconnect"), 2, "the handshake and the greeting");
    // Somebody is there: what they do counts at once, on this connection too.
    let run = r#"{"header":{"msg_type":"execute_request"},"channel":"shell"}"#;
    client.send(&Frame::text(run));
    server.receive();
    assert_eq!(scene.activity("input"), 1);
}

#[test]
fn the_same_after_a_navigation_is_a_visit() {
    let scene = Scene::start("packs = [\"jupyter\"]");
    scene.visit();
    let (mut client, mut server) = scene.open(KERNEL, "", "");
    client.send(&Frame::text(GREETING));
    server.receive();
    let counted = ["request", "upgrade", "input"].map(|reason| scene.activity(reason));
    assert_eq!((counted, scene.ignored("reconnect")), ([1, 1, 1], 0));
}

/// A visit is of one browser: another one's tab is not attended by it.
#[test]
fn another_browser_s_visit_is_its_own() {
    let scene = Scene::start("");
    let other = "Sec-Fetch-Mode: navigate\r\nUser-Agent: another\r\n";
    scene.ask("GET", "/", other, "");
    let (_client, _server) = scene.open(SOCKET_IO, "", "");
    assert_eq!((scene.activity("upgrade"), scene.ignored("reconnect")), (0, 1));
}

const FROM_A_PAGE: &str = "Origin: http://demo.test\r\n";

/// Of a connection that no pack knows it is known only that no page of somebody's has opened it.
#[test]
fn an_unknown_connection_that_a_page_opens_again_does_not_count() {
    let scene = Scene::start("");
    let (mut client, mut server) = scene.open("/live", FROM_A_PAGE, "");
    assert_eq!((scene.activity("upgrade"), scene.ignored("reconnect")), (0, 1));
    client.send(&Frame::text("what it says counts"));
    server.receive();
    assert_eq!(scene.activity("input"), 1);
    scene.visit();
    let (_client, _server) = scene.open("/live", FROM_A_PAGE, "");
    assert_eq!((scene.activity("upgrade"), scene.ignored("reconnect")), (1, 1));
}

/// It may be somebody's program, which opens no page.
#[test]
fn an_unknown_connection_of_no_page_counts() {
    let scene = Scene::start("");
    let (_client, _server) = scene.open("/live", "", "");
    assert_eq!((scene.activity("upgrade"), scene.ignored("reconnect")), (1, 0));
}

/// `packs = []` counts everything.
#[test]
fn without_packs_a_reopened_connection_counts() {
    let scene = Scene::start("packs = []");
    let (_client, _server) = scene.open("/live", FROM_A_PAGE, "");
    assert_eq!((scene.activity("upgrade"), scene.ignored("reconnect")), (1, 0));
}

/// What Chromium sends when a page's script reloads it, and for the parts that it loads then.
#[test]
fn a_page_that_reloads_itself_does_not_count() {
    let scene = Scene::start("packs = [\"socketio\"]");
    let reload = "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n\
                  Sec-Fetch-Site: same-origin\r\nReferer: http://demo.test/\r\n";
    scene.ask("GET", "/", reload, "");
    let part = "Sec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: script\r\n";
    scene.ask("GET", "/static/main.js", part, "");
    let (_client, _server) = scene.open(SOCKET_IO, "", "");
    assert_eq!((scene.activity("request"), scene.activity("upgrade")), (0, 0));
    assert_eq!(scene.ignored("reconnect"), 3);
    // Its next fetch is not a part of the page.
    scene.ask("GET", "/data", "Sec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\n", "");
    assert_eq!(scene.activity("request"), 1);
}

/// What a page asks by POST once it is back is judged as what it says on its connection is.
#[test]
fn a_request_of_a_page_that_came_back_does_not_count() {
    let scene = Scene::start("packs = [\"marimo\"]");
    let ask = || scene.ask("POST", "/api/kernel/instantiate", "", "{\"autoRun\":false}");
    ask();
    assert_eq!(scene.activity("request"), 1, "it has not come back");
    let (_client, _server) = scene.open("/ws?session_id=s_1", "", "");
    ask();
    scene.await_counts(("request", 1), ("reconnect", 2));
    scene.ask("POST", "/api/kernel/run", "", "{}");
    assert_eq!(scene.activity("request"), 2, "a person's is not among it");
    scene.visit();
    ask();
    scene.await_counts(("request", 4), ("reconnect", 2));
}

/// `rerun_script` without any widget.
const RERUN: [u8; 4] = [0x5a, 0x02, 0x12, 0x00];

#[test]
fn only_the_first_message_of_a_page_that_came_back_is_its_own() {
    let scene = Scene::start("");
    let agreed = "Sec-WebSocket-Protocol: streamlit\r\n";
    let (mut client, mut server) = scene.open("/_stcore/stream", agreed, agreed);
    for _ in 0..2 {
        client.send(&Frame::binary(RERUN));
        server.receive();
    }
    assert_eq!((scene.activity("input"), scene.ignored("reconnect")), (1, 2));
}
