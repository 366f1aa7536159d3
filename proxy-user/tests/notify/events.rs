//! What is told of which event.

use serde_json::Value;

use crate::harness::app::{App, HttpApp};
use crate::harness::control::Control;
use crate::harness::frame::Frame;
use crate::harness::http::{Head, request};
use crate::harness::proxy::Proxy;
use crate::harness::scratch::Scratch;
use crate::harness::session::open;
use crate::harness::setup::Setup;
use crate::harness::traffic::{self, STEADY};
use crate::scene::{LOSSES, accepted, await_accepted, lose, members};

/// The seat that a client held who reads no more is free when that is told, and not a moment later.
#[test]
fn a_reaped_client_s_seat_is_free_when_that_is_told() {
    let scratch = Scratch::new();
    let token = scratch.file("token", "s3cret\n").display().to_string();
    let (app, control) = (App::listen(), Control::up());
    let lines = format!("events = [\"reap\"]\ntoken_file = {token:?}");
    let proxy = Setup::new()
        .app("demo", app.address(), "max_sessions = 1")
        .section("[stall]\ngrace = \"1s\"")
        .section(&control.notify(&lines))
        .start();
    // Another listener hears the same.
    let mut events = proxy.connect_admin();
    events.send(request("GET", "localhost", "/api/events", ""));
    Head::read(&mut events);
    events.through(b": listening\n");
    let (client, server) = open(&proxy, &app);
    let _stream = traffic::send(&server.wire, Frame::binary(vec![0x5A; 4096]).encode(), STEADY);
    let told = control.await_report("the reap", |_| true);
    // Whoever waits for the seat has it now.
    let _next = open(&proxy, &app);
    drop(client);
    let head = &told.request.head;
    assert_eq!(head.start, "POST /events?key=s3cret HTTP/1.1");
    assert_eq!(head.get("authorization"), Some("Bearer s3cret"));
    assert_eq!(head.get("content-type"), Some("application/json"));
    let names = ["app", "event", "id", "leg", "reason", "session", "sessions", "time"];
    assert_eq!(members(&told.body), names);
    assert_eq!(told.body["sessions"], 0, "{}", told.body);
    events.through(b"event: reap\ndata: ");
    let mut event: Value = serde_json::from_slice(&events.through(b"\n")).unwrap();
    let mut body = told.body.clone();
    for own in ["id", "sessions"] {
        body.as_object_mut().unwrap().remove(own);
    }
    // The wall clock is read anew for each: to a millisecond or so they are the same.
    let time = event["time"].take();
    assert_eq!(time.as_str().map(str::len), body["time"].take().as_str().map(str::len));
    assert_eq!(body, event);
}

/// An app that is started and stopped by two programs.
fn driven(page: &HttpApp, scratch: &Scratch, name: &str, wake: &str) -> String {
    let up = scratch.path().join(name).display().to_string();
    format!(
        "[[app]]\nname = {name:?}\nhosts = [\"{name}.test\"]\nupstream = \"http://{}\"\n[app.driver]\n\
         kind = \"command\"\nwake = [\"sh\", \"-c\", \"{wake} {up}\"]\nsuspend = [\"rm\", {up:?}]\n\
         state = [\"sh\", \"-c\", \"test -e {up} && echo running || echo suspended\"]\n",
        page.address()
    )
}

fn act(proxy: &Proxy, action: &str) {
    let answer = proxy.ask_admin("POST", &format!("/api/apps/{action}"), "");
    assert!((200..300).contains(&answer.status()), "{answer:?}");
}

#[test]
fn a_life_is_told_from_its_begin_to_its_failure() {
    let (scratch, page, control) = (Scratch::new(), HttpApp::named("page"), Control::up());
    let other = Control::up();
    let proxy = Setup::new()
        .section(&control.notify(""))
        .section(&other.notify("events = [\"suspend\"]"))
        .section(&driven(&page, &scratch, "good", "touch"))
        .section(&driven(&page, &scratch, "bad", "false"))
        .start();
    act(&proxy, "good/wake");
    let wake = control.await_report("the wake", |r| r.body["event"] == "wake");
    assert_eq!(members(&wake.body), ["app", "event", "id", "milliseconds", "sessions", "time"]);
    act(&proxy, "good/suspend");
    let suspend = control.await_report("the suspension", |r| r.body["event"] == "suspend");
    assert_eq!((suspend.app(), &suspend.body["result"]), ("good", &"success".into()));
    act(&proxy, "bad/wake");
    let failed = control.await_report("the failure", |r| r.body["event"] == "failed");
    assert_eq!((failed.app(), failed.body["reason"].is_string()), ("bad", true));
    assert_eq!(await_accepted(&other, 1)[0].body["event"], "suspend", "and nothing else");
    assert!(accepted(&other).iter().all(|told| told.body["event"] == "suspend"));
}

/// What only would have been done did not happen.
#[test]
fn a_shadow_is_not_told() {
    let (app, control) = (App::listen(), Control::up());
    let lines = "idle_after = \"1s\"\non_idle = \"shadow\"";
    let setup = Setup::new().app("demo", app.address(), lines);
    let proxy = setup.section(&control.notify("")).start();
    let mut events = proxy.connect_admin();
    events.send(request("GET", "localhost", "/api/events", ""));
    events.through(b"event: suspend\ndata: ");
    lose(&proxy, &app, 1);
    let told = await_accepted(&control, 2);
    let names: Vec<_> = told.iter().map(|told| &told.body["event"]).collect();
    assert_eq!(names, ["loss", "reap"]);
}

#[test]
fn no_secret_is_in_the_log() {
    let scratch = Scratch::new();
    let token = scratch.file("token", "hush-hush\n").display().to_string();
    let (app, control) = (App::listen(), Control::up());
    control.answer(401);
    let lines = format!("{LOSSES}\ntoken_file = {token:?}\ntoken_header = \"X-Key\"");
    let proxy = Setup::demo(app.address()).section(&control.notify(&lines)).start();
    lose(&proxy, &app, 1);
    crate::scene::await_notifications(&proxy, "failure", 2);
    let told = control.reports();
    assert_eq!(told[0].request.head.get("x-key"), Some("hush-hush"));
    assert_eq!(told[0].request.head.get("authorization"), None);
    let warned = proxy.log().fields("a control plane does not take notifications");
    assert_eq!(warned.len(), 1, "once a minute: {warned:?}");
    assert_eq!(warned[0]["error"], "it answered 401 Unauthorized");
    let log = proxy.log().text();
    assert!(!log.contains("hush-hush") && !log.contains("s3cret"), "{log}");
}
