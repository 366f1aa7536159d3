//! `/api/apps`, `/api/apps/{app}` and the metrics that say the same.

use serde_json::Value;

use crate::harness::app::App;
use crate::harness::frame::Frame;
use crate::harness::scratch::Scratch;
use crate::harness::session::open;
use crate::harness::setup::Setup;
use crate::scene::{await_demo, demo, start, visit};

#[test]
fn an_app_says_what_counted_and_what_did_not() {
    let app = App::listen();
    let (proxy, _packs) = start(&app, "");
    let fresh = demo(&proxy);
    assert_eq!((&fresh["app"], &fresh["state"]), (&"demo".into(), &"running".into()));
    assert_eq!((&fresh["last_activity"], &fresh["sessions"]), (&Value::Null, &0.into()));
    visit(&proxy, &app, "/report?user=7");
    let seen = await_demo(&proxy, "the visit", |demo| !demo["last_activity"].is_null());
    let last = &seen["last_activity"];
    assert_eq!(last["reason"], "request", "{last}");
    assert_eq!((&last["method"], &last["path"]), (&"GET".into(), &"/report".into()), "{last}");

    let (mut client, mut server) = open(&proxy, &app);
    for _ in 0..3 {
        client.send(&Frame::text("beat"));
        server.receive();
    }
    client.send(&Frame::text("a click on a button"));
    server.receive();
    let seen = await_demo(&proxy, "the click", |demo| demo["last_activity"]["reason"] == "input");
    let last = &seen["last_activity"];
    let session = proxy.sessions()[0]["id"].clone();
    assert_eq!((&last["kind"], &last["session"]), (&"text".into(), &session), "{last}");
    assert_eq!(last["bytes"], serde_json::json!([16, 31]), "{last}");
    assert!(last["ago_seconds"].as_f64().is_some_and(|ago| ago >= 0.0), "{last}");
    let beat = &seen["ignored"][0];
    assert_eq!((&beat["rule"], &beat["reason"]), (&"toy/beat".into(), &"heartbeat".into()));
    assert_eq!((&beat["count"], &beat["session"]), (&3.into(), &session), "{beat}");
    let history = &seen["history"];
    let counted = history["counted"].as_array().unwrap();
    assert!(counted.iter().any(|entry| entry["path"] == "/report"), "{history}");
    assert_eq!(history["ignored"][0]["rule"], "toy/beat", "{history}");
    assert!(!seen.to_string().contains("button"), "payloads are not kept: {seen}");
    assert!(!seen.to_string().contains("user"), "queries are not kept: {seen}");

    let metrics = proxy.metrics();
    let ignored = |reason| metrics.count("ebbtide_ignored_total", &[("reason", reason)]);
    assert_eq!((ignored("heartbeat"), ignored("poll"), ignored("output")), (3, 0, 0));
    assert_eq!(metrics.count("ebbtide_activity_total", &[("reason", "input")]), 1);
    assert_eq!(metrics.count("ebbtide_cadence_hints", &[("app", "demo")]), 0);
    assert!(!metrics.samples.iter().any(|s| s.labels.get("reason").is_some_and(|r| r == "person")));
}

#[test]
fn output_that_does_not_count_is_counted_as_ignored() {
    let app = App::listen();
    let (proxy, _packs) = start(&app, "count = \"input\"");
    let (mut client, mut server) = open(&proxy, &app);
    for _ in 0..5 {
        server.send(&Frame::text("a chart"));
        client.receive();
    }
    let seen = await_demo(&proxy, "five frames", |demo| demo["ignored_output"] == 5);
    assert_ne!(seen["last_activity"]["reason"], "output", "{seen}");
    let labels = [("app", "demo"), ("reason", "output")];
    assert_eq!(proxy.metrics().count("ebbtide_ignored_total", &labels), 5);
}

#[test]
fn all_apps_are_listed_and_an_unknown_one_is_told_apart() {
    let app = App::listen();
    let proxy = Setup::new()
        .app("demo", app.address(), "hosts = [\"demo.test\"]")
        .app("rest", app.address(), "idle_after = \"1h\"\non_idle = \"shadow\"")
        .start();
    let answer = proxy.admin("/api/apps", "");
    let all: Vec<Value> = serde_json::from_slice(&answer.body).unwrap();
    let names: Vec<_> = all.iter().map(|app| app["app"].as_str().unwrap()).collect();
    assert_eq!(names, ["demo", "rest"]);
    assert_eq!((&all[0]["shadow"], &all[0]["suspends_at"]), (&Value::Null, &Value::Null));
    assert_eq!(all[1]["idle_after_seconds"], 3600.0);
    let on_idle = (&all[0]["on_idle"], &all[1]["on_idle"]);
    assert_eq!(on_idle, (&Value::Null, &"shadow".into()), "nothing suspends an app");
    assert_eq!(all[1]["shadow"]["suspended"], false, "{}", all[1]);
    let answer = proxy.admin("/api/apps/dmeo", "");
    assert_eq!(answer.status(), 404);
    let unknown: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(unknown["nearest"], "demo", "{unknown}");
    for target in ["/api/events?app=dmeo", "/api/sessions?app=dmeo"] {
        let answer = proxy.admin(target, "");
        assert_eq!(answer.status(), 404, "{target}: {answer:?}");
        let unknown: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(unknown["nearest"], "demo", "{target}: {unknown}");
    }
}

#[test]
fn the_token_guards_all_of_it() {
    let app = App::listen();
    let scratch = Scratch::new();
    let token = scratch.file("token", "s3cret\n").display().to_string();
    let proxy = Setup::demo(app.address()).key(&format!("admin_token_file = {token:?}")).start();
    for target in ["/api/apps", "/api/apps/demo", "/api/apps/none", "/api/events"] {
        assert_eq!(proxy.admin(target, "").status(), 401, "{target}");
    }
    let answer = proxy.admin("/api/apps/demo", "Authorization: Bearer s3cret\r\n");
    assert_eq!(answer.status(), 200);
}
