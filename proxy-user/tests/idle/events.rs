//! `/api/events`: what happens, to those who listen.

use serde_json::Value;

use crate::harness::app::App;
use crate::harness::frame::Frame;
use crate::harness::session::open;
use crate::harness::setup::Setup;
use crate::harness::wait::eventually;
use crate::scene::{Listener, start, visit};

#[test]
fn activity_and_the_first_heartbeat_of_a_session_are_told() {
    let app = App::listen();
    let (proxy, _packs) = start(&app, "");
    let mut listener = Listener::open(&proxy, "/api/events");
    visit(&proxy, &app, "/report?user=7");
    let told = listener.until("activity");
    assert_eq!((&told["app"], &told["reason"]), (&"demo".into(), &"request".into()), "{told}");
    assert_eq!(told["path"], "/report", "{told}");
    let (mut client, mut server) = open(&proxy, &app);
    proxy.await_sessions(1);
    let session = proxy.sessions()[0]["id"].clone();
    for _ in 0..20 {
        client.send(&Frame::text("beat"));
        server.receive();
    }
    client.send(&Frame::text("a click"));
    server.receive();
    let told = listener.until("ignored");
    assert_eq!((&told["rule"], &told["reason"]), (&"toy/beat".into(), &"heartbeat".into()));
    assert_eq!((&told["session"], &told["event"]), (&session, &"ignored".into()), "{told}");
    assert!(told["time"].as_str().is_some_and(|time| time.ends_with('Z')), "{told}");
    let mut again = 0;
    let click: Value = loop {
        let (name, told) = listener.next();
        again += usize::from(name == "ignored");
        if name == "activity" && told["reason"] == "input" {
            break told;
        }
    };
    assert_eq!(again, 0, "one session's heartbeat is told once");
    assert_eq!((&click["session"], &click["rule"]), (&session, &Value::Null), "{click}");
}

#[test]
fn an_app_that_fails_somebody_is_told() {
    let app = App::listen();
    let (proxy, _packs) = start(&app, "");
    let mut listener = Listener::open(&proxy, "/api/events");
    let (_client, server) = open(&proxy, &app);
    proxy.await_sessions(1);
    let session = proxy.sessions()[0]["id"].clone();
    drop(server);
    let told = listener.until("loss");
    assert_eq!((&told["app"], &told["session"]), (&"demo".into(), &session), "{told}");
    assert!(told["reason"] == "closed" || told["reason"] == "reset", "{told}");
    assert_eq!(listener.until("reap")["session"], session);
    drop(app);
    for _ in 0..3 {
        assert_eq!(proxy.get("demo.test", "/").status(), 502);
    }
    let told = listener.until("loss");
    assert_eq!((&told["reason"], &told["session"]), (&"refused".into(), &Value::Null), "{told}");
}

#[test]
fn a_listener_may_choose_an_app() {
    let app = App::listen();
    let lines = "idle_after = \"1s\"\non_idle = \"shadow\"";
    let proxy = Setup::new()
        .app("noise", app.address(), &format!("hosts = [\"noise.test\"]\n{lines}"))
        .app("demo", app.address(), lines)
        .start();
    let mut listener = Listener::open(&proxy, "/api/events?app=demo");
    let told = listener.until("suspend");
    assert_eq!((&told["app"], &told["result"]), (&"demo".into(), &"shadow".into()), "{told}");
}

#[test]
fn listeners_are_few_and_make_room_when_they_leave() {
    let app = App::listen();
    let proxy = Setup::demo(app.address()).start();
    let mut all = Vec::new();
    while all.len() < 16 {
        all.push(Listener::open(&proxy, "/api/events"));
    }
    let answer = proxy.admin("/api/events", "");
    assert_eq!((answer.status(), answer.head.get("retry-after")), (503, Some("10")), "{answer:?}");
    drop(all);
    // Who has left is noticed when the next event, or the next comment, finds nobody.
    eventually("room for another", || {
        let mut wire = proxy.connect_admin();
        wire.send(crate::harness::http::request("GET", "localhost", "/api/events", ""));
        let head = crate::harness::http::Head::read(&mut wire);
        (head.status() == 200).then_some(())
    });
}
