//! `ebbtide explain`, against a proxy that runs.

use serde_json::Value;

use crate::harness::app::{App, HttpApp};
use crate::harness::command::{Outcome, ebbtide, finish};
use crate::harness::frame::Frame;
use crate::harness::http::{Message, request};
use crate::harness::proxy::Proxy;
use crate::harness::scratch::Scratch;
use crate::harness::session::open;
use crate::harness::setup::Setup;
use crate::harness::wait::{eventually, pause};
use crate::scene::{await_demo, start, visit};

fn explain(proxy: &Proxy, words: &[&str]) -> Outcome {
    let admin = proxy.admin_address().to_string();
    finish(ebbtide().args(["explain", "--admin", &admin]).args(words))
}

#[test]
fn it_says_why_an_app_is_awake() {
    let app = App::listen();
    let (proxy, _packs) = start(&app, "idle_after = \"1h\"\non_idle = \"shadow\"");
    visit(&proxy, &app, "/");
    let (mut client, mut server) = open(&proxy, &app);
    for text in ["beat", "a click"] {
        client.send(&Frame::text(text));
        server.receive();
    }
    await_demo(&proxy, "the click", |demo| demo["last_activity"]["reason"] == "input");
    let people = explain(&proxy, &["demo"]);
    assert_eq!(people.code, Some(0), "{people:?}");
    let id = proxy.sessions()[0]["id"].clone();
    for said in [
        "demo is running, with 1 session open.".to_owned(),
        format!("input (text, 4 to 7 bytes) in session {id}."),
        "No rule ignores it".to_owned(),
        "toy/beat (heartbeat): once".to_owned(),
        "It would be suspended in ".to_owned(),
        "open connections: not while 1 session is open.".to_owned(),
    ] {
        assert!(people.stdout.contains(&said), "{said:?} is not in:\n{}", people.stdout);
    }
    assert!(!people.stdout.contains('\u{1b}'), "no colour but on a terminal: {people:?}");
    let programs = explain(&proxy, &["demo", "--json"]);
    let told: Value = serde_json::from_str(&programs.stdout).unwrap();
    assert_eq!(told["app"], "demo");
}

#[test]
fn without_a_name_it_shows_all() {
    let app = App::listen();
    let proxy = Setup::new()
        .app("demo", app.address(), "hosts = [\"demo.test\"]")
        .app("rest", app.address(), "idle_after = \"1h\"\non_idle = \"shadow\"")
        .start();
    visit(&proxy, &app, "/page");
    let people = explain(&proxy, &[]);
    assert_eq!(people.code, Some(0), "{people:?}");
    for said in [
        "demo is running, with no session open.\n  Last activity ",
        " ago: GET /page.\n",
        "rest is running, with no session open.\n  No activity since Ebbtide started.\n",
        "  It is never suspended.\n",
        "  It would be suspended in ",
        "explain NAME",
    ] {
        assert!(people.stdout.contains(said), "{said:?} is not in:\n{}", people.stdout);
    }
    let programs = explain(&proxy, &["--json"]);
    let told: Value = serde_json::from_str(&programs.stdout).unwrap();
    assert_eq!((&told[0]["app"], &told[1]["app"]), (&"demo".into(), &"rest".into()), "{told}");
}

#[test]
fn what_cannot_be_answered_is_said_plainly() {
    let app = App::listen();
    let scratch = Scratch::new();
    let token = scratch.file("token", "s3cret\n").display().to_string();
    let wrong = scratch.file("wrong", "other\n").display().to_string();
    let proxy = Setup::demo(app.address()).key(&format!("admin_token_file = {token:?}")).start();
    for (words, said) in [
        (&["demo"][..], "--token-file"),
        (&["demo", "--token-file", &wrong], "--token-file is wrong"),
        (&["dmeo", "--token-file", &token], "did you mean \"demo\"?"),
        (&["a/../b", "--token-file", &token], "there are: demo"),
    ] {
        let outcome = explain(&proxy, words);
        assert_eq!(outcome.code, Some(1), "{words:?}: {outcome:?}");
        assert!(outcome.stderr.contains(said), "{words:?}: {outcome:?}");
        assert!(!outcome.stderr.contains("s3cret") && outcome.stdout.is_empty(), "{outcome:?}");
    }
    assert_eq!(explain(&proxy, &["demo", "--token-file", &token]).code, Some(0));
    let nobody = finish(ebbtide().args(["explain", "demo", "--admin", "127.0.0.1:1"]));
    assert_eq!(nobody.code, Some(1), "{nobody:?}");
    assert!(nobody.stderr.contains("cannot reach the admin address 127.0.0.1:1"), "{nobody:?}");
    let outcome = finish(ebbtide().args(["explain", "demo", "--token-file", "no/such/file"]));
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
}

/// A timer that no rule knows becomes a hint, and the hint a rule that knows it.
#[test]
fn a_steady_message_gets_a_rule_to_paste() {
    let app = App::listen();
    let (proxy, _packs) = start(&app, "idle_after = \"1h\"\non_idle = \"shadow\"");
    let beat = |client: &mut crate::harness::session::Peer, n: u64| {
        client.send(&Frame::text(&format!("tick {n}")));
    };
    let (mut client, mut server) = open(&proxy, &app);
    for n in 0..8 {
        beat(&mut client, n);
        server.receive();
        pause(std::time::Duration::from_secs(2));
    }
    let seen = await_demo(&proxy, "a hint", |demo| demo["cadence_hints"] == 1);
    let hint = &seen["hints"][0];
    assert!(hint["period_seconds"].as_f64().is_some_and(|p| (1.5..3.0).contains(&p)), "{hint}");
    assert_eq!((&hint["kind"], &hint["path"]), (&"text".into(), &"/stream".into()), "{hint}");
    assert_eq!(proxy.metrics().count("ebbtide_cadence_hints", &[("app", "demo")]), 1);
    let people = explain(&proxy, &["demo"]);
    assert!(people.stdout.contains("demo-own.toml in pack_dir"), "{people:?}");
    let packs = Scratch::new();
    let text = seen["hints_pack"].as_str().unwrap();
    let folder = packs.file("demo-own.toml", text).parent().unwrap().display().to_string();
    drop((client, server));
    let proxy = Setup::new()
        .key(&format!("pack_dir = {folder:?}"))
        .app("demo", app.address(), "packs = [\"demo-own\"]")
        .start();
    let (mut client, mut server) = open(&proxy, &app);
    beat(&mut client, 123_456);
    server.receive();
    let seen = eventually("the pasted rule", || {
        let seen = crate::scene::demo(&proxy);
        seen["ignored"][0]["count"].is_u64().then_some(seen)
    });
    assert_eq!(seen["ignored"][0]["reason"], "heartbeat", "{seen}");
    assert_ne!(seen["last_activity"]["reason"], "input", "{seen}");
}

/// The POST of a page's timer, as Gradio sends it: the rule knows it from other visits too, and lets the
/// button beside it count.
#[test]
fn a_steady_post_gets_a_rule_to_paste() {
    let app = HttpApp::named("done");
    let idle = "idle_after = \"1h\"\non_idle = \"shadow\"";
    let post = |proxy: &Proxy, trigger: u8, session: &str| {
        let body = format!(r#"{{"data":[],"trigger_id":{trigger},"session_hash":"{session}"}}"#);
        let fields = format!("Connection: close\r\nContent-Length: {}\r\n", body.len());
        let mut client = proxy.connect();
        client.send(request("POST", "demo.test", "/gradio_api/queue/join?", &fields));
        client.send(body);
        assert_eq!(Message::read_response(&mut client, "POST").status(), 200);
    };
    let proxy = Setup::new().app("demo", app.address(), idle).start();
    for _ in 0..8 {
        post(&proxy, 2, "597hlvemepk");
        pause(std::time::Duration::from_secs(2));
    }
    let seen = await_demo(&proxy, "a hint", |demo| demo["cadence_hints"] == 1);
    let hint = &seen["hints"][0];
    assert_eq!((&hint["kind"], &hint["session"]), (&"POST".into(), &Value::Null), "{hint}");
    let people = explain(&proxy, &["demo"]);
    assert!(people.stdout.contains(", POST of 55 to 55 bytes, "), "{people:?}");
    assert!(!people.stdout.contains("597hlvemepk"), "it shows contents: {people:?}");
    let packs = Scratch::new();
    let text = seen["hints_pack"].as_str().unwrap();
    let folder = packs.file("demo-own.toml", text).parent().unwrap().display().to_string();
    let setup = Setup::new().key(&format!("pack_dir = {folder:?}"));
    let proxy = setup.app("demo", app.address(), "packs = [\"demo-own\"]").start();
    post(&proxy, 2, "q8s2x1m4lm");
    let ignored = |demo: &Value| demo["ignored"][0]["count"] == 1;
    let seen = await_demo(&proxy, "the pasted rule", ignored);
    assert_eq!(seen["ignored"][0]["reason"], "timer", "{seen}");
    assert_eq!(seen["last_activity"], Value::Null, "{seen}");
    post(&proxy, 8, "q8s2x1m4lm");
    await_demo(&proxy, "the button", |demo| demo["last_activity"]["reason"] == "request");
}
