//! `/api/sessions`: what each session is for, and when somebody last used it.

use serde_json::Value;

use crate::harness::app::App;
use crate::harness::frame::Frame;
use crate::harness::http::{Head, Message};
use crate::harness::session::{Peer, Role, consent, upgrade};
use crate::harness::wait::eventually;
use crate::scene::start;

#[test]
fn a_session_says_its_path_and_its_last_activity() {
    let app = App::listen();
    let (proxy, _packs) = start(&app, "");
    let mut client = Peer::new(proxy.connect(), Role::Client);
    client.wire.send(upgrade("demo.test", "/stream?token=secret", ""));
    let mut server = Peer::new(app.accept(), Role::App);
    Head::read(&mut server.wire);
    server.wire.send(consent(""));
    assert_eq!(Message::read_response(&mut client.wire, "GET").status(), 101);
    proxy.await_sessions(1);
    let session = || proxy.sessions()[0].clone();
    let fresh = session();
    assert_eq!(fresh["path"], "/stream", "{fresh}");
    assert!(!fresh.to_string().contains("secret"), "{fresh}");
    assert_eq!(fresh["last_activity"], Value::Null, "{fresh}");
    // The clock that counts is a few milliseconds behind, so that only a later message is the newest.
    let talk = |from: &mut Peer, to: &mut Peer, reason: &str| {
        eventually(reason, || {
            from.send(&Frame::text("hello"));
            to.receive();
            let last = session()["last_activity"].clone();
            (last["reason"] == reason).then_some(last)
        })
    };
    let last = talk(&mut client, &mut server, "input");
    assert!(last["ago_seconds"].as_f64().is_some_and(|ago| ago >= 0.0), "{last}");
    assert!(last["at"].as_str().is_some_and(|at| at.ends_with('Z')), "{last}");
    talk(&mut server, &mut client, "output");
    for machinery in [Frame::ping("x"), Frame::text("beat")] {
        client.send(&machinery);
        server.expect(&machinery);
    }
    let after = eventually("the ping is counted", || {
        Some(session()).filter(|session| session["legs"]["client"]["frames"]["control"] == 1)
    });
    assert_eq!(after["last_activity"]["reason"], "output", "{after}");
}
