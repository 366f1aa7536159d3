//! The admin address: metrics with bounded labels, health, sessions, and who may ask.

mod harness;

use harness::app::{App, HttpApp};
use harness::command::{ebbtide, finish};
use harness::frame::Frame;
use harness::scratch::Scratch;
use harness::session::open;
use harness::setup::Setup;
use serde_json::Value;

/// The contract's names that a proxy with one session has to say something about.
const NAMES: [&str; 16] = [
    "ebbtide_build_info",
    "ebbtide_socket_source",
    "ebbtide_sessions",
    "ebbtide_sessions_total",
    "ebbtide_frames_total",
    "ebbtide_frame_bytes_total",
    "ebbtide_activity_total",
    "ebbtide_activity_timestamp_seconds",
    "ebbtide_http_requests_total",
    "ebbtide_http_request_seconds",
    "ebbtide_sweep_seconds",
    "ebbtide_app_state",
    "ebbtide_app_awake_seconds_total",
    "ebbtide_app_asleep_seconds_total",
    "ebbtide_wakes_total",
    "ebbtide_held_requests",
];

/// Names of labels whose values are few, whatever the clients do. `le` and `quantile` are the
/// format's own; the rest of `ebbtide_build_info` tells one build from another.
const LABELS: [&str; 12] = [
    "app",
    "direction",
    "kind",
    "leg",
    "reason",
    "result",
    "state",
    "why",
    "source",
    "code",
    "le",
    "quantile",
];

#[test]
fn metrics_have_the_contract_s_names_and_bounded_labels() {
    let (app, page) = (App::listen(), HttpApp::named("page"));
    let proxy = Setup::new()
        .app("demo", app.address(), "hosts = [\"demo.test\"]")
        .app("page", page.address(), "")
        .start();
    let (mut client, mut server) = open(&proxy, &app);
    client.send(&Frame::text("a click"));
    server.receive();
    assert_eq!(proxy.get("a.test", "/private/path").text(), "page");
    let metrics = proxy.metrics();
    for name in NAMES {
        assert!(metrics.has(name), "{name} is missing");
        assert!(metrics.help.get(name).is_some_and(|h| !h.is_empty()), "{name} has no help");
    }
    for sample in metrics.samples.iter().filter(|s| s.name.starts_with("ebbtide_")) {
        for (label, value) in &sample.labels {
            let known = LABELS.contains(&label.as_str()) || sample.name == "ebbtide_build_info";
            assert!(known, "label {label} of {}", sample.name);
            let private = value.contains('/') || value.contains("127.0.0.1");
            assert!(!private, "{}{{{label}={value:?}}} names a path or address", sample.name);
        }
    }
    assert_eq!(metrics.count("ebbtide_sessions", &[("app", "demo")]), 1);
    assert_eq!(metrics.count("ebbtide_socket_source", &[("source", "tcp-info")]), 1);
    let counters = metrics.types.iter().filter(|(name, _)| name.ends_with("_total"));
    for (name, kind) in counters {
        assert_eq!(kind, "counter", "{name}");
    }
}

#[test]
fn metrics_are_served_as_the_text_format() {
    let app = App::listen();
    let proxy = Setup::demo(app.address()).start();
    let answer = proxy.admin("/metrics", "");
    let kind = answer.head.get("content-type").unwrap_or_default();
    assert!(kind.starts_with("text/plain; version=0.0.4"), "{kind}");
}

#[test]
fn health_is_separate_from_readiness_and_the_rest_is_a_404() {
    let app = App::listen();
    let proxy = Setup::demo(app.address()).start();
    for (target, status) in
        [("/healthz", 200), ("/readyz", 200), ("/metrics", 200), ("/no/such", 404)]
    {
        assert_eq!(proxy.admin(target, "").status(), status, "{target}");
    }
    // The proxy's own address serves apps, not the operator.
    let mut page = proxy.connect();
    page.send("GET /metrics HTTP/1.1\r\nHost: a.test\r\n\r\n");
    let head = harness::http::Head::read(&mut app.accept());
    assert_eq!(head.target(), "/metrics");
}

#[test]
fn sessions_are_told_leg_by_leg() {
    let app = App::listen();
    let proxy = Setup::demo(app.address()).start();
    assert_eq!(proxy.sessions(), Vec::<Value>::new());
    let (mut client, mut server) = open(&proxy, &app);
    client.send(&Frame::text("a click"));
    client.send(&Frame::ping("p"));
    server.receive();
    server.receive();
    server.send(&Frame::binary(vec![1; 100_000]));
    client.receive();
    let _second = open(&proxy, &app);
    proxy.await_sessions(2);
    let sessions = proxy.sessions();
    assert_eq!(sessions.len(), 2);
    assert_ne!(sessions[0]["id"], sessions[1]["id"]);
    let mine = client.wire.stream().local_addr().unwrap().to_string();
    let session = sessions.iter().find(|s| s["legs"]["client"]["peer"] == mine.as_str());
    let session = session.unwrap_or_else(|| panic!("no session of {mine}: {sessions:?}"));
    assert!(session["id"].is_u64(), "{session}");
    assert_eq!(session["app"], "demo");
    assert!(session["age_seconds"].as_f64().is_some_and(|age| age >= 0.0), "{session}");
    let legs = session["legs"].as_object().unwrap();
    assert_eq!(legs.keys().collect::<Vec<_>>(), ["app", "client"]);
    assert_eq!(legs["app"]["peer"], app.address().to_string());
    for (name, leg) in legs {
        assert_eq!(leg["source"], "tcp-info", "{name}: {leg}");
        assert_eq!(leg["state"], "ESTABLISHED", "{name}: {leg}");
        for count in ["queued_bytes", "acked_bytes", "received_bytes", "retransmits"] {
            assert!(leg[count].is_u64(), "{count} of {name}: {leg}");
        }
        for figure in ["since_progress_seconds", "send_window_bytes", "rtt_seconds"] {
            let fits = leg.get(figure).is_some_and(|v| v.is_null() || v.is_number());
            assert!(fits, "{figure} of {name}: {leg}");
        }
        for kind in ["data", "control"] {
            assert!(leg["frames"][kind].is_u64(), "frames.{kind} of {name}: {leg}");
        }
    }
    let frames = |leg: &str, kind: &str| legs[leg]["frames"][kind].as_u64().unwrap();
    assert_eq!((frames("client", "data"), frames("client", "control")), (1, 1));
    assert_eq!((frames("app", "data"), frames("app", "control")), (1, 0));
}

#[test]
fn acked_bytes_follow_what_the_client_took() {
    let app = App::listen();
    let proxy = Setup::demo(app.address()).start();
    let (mut client, mut server) = open(&proxy, &app);
    server.send(&Frame::binary(vec![1; 100_000]));
    client.receive();
    harness::wait::eventually("100,000 acknowledged bytes on the client leg", || {
        let acked = proxy.sessions()[0]["legs"]["client"]["acked_bytes"].as_u64();
        acked.filter(|acked| *acked >= 100_000)
    });
}

#[test]
fn a_token_is_demanded_and_compared() {
    let app = App::listen();
    let scratch = Scratch::new();
    let token = scratch.file("token", "s3cret\n").display().to_string();
    let proxy = Setup::demo(app.address()).key(&format!("admin_token_file = {token:?}")).start();
    let ask = |fields: &str| proxy.admin("/api/sessions", fields).status();
    assert_eq!(ask(""), 401);
    for wrong in ["Bearer s3cre", "Bearer s3crets", "Bearer ", "Basic s3cret", "s3cret"] {
        assert_eq!(ask(&format!("Authorization: {wrong}\r\n")), 401, "{wrong:?}");
    }
    assert_eq!(ask("Authorization: Bearer s3cret\r\n"), 200);
    assert_eq!(proxy.admin("/metrics", "Authorization: Bearer s3cret\r\n").status(), 200);
}

#[test]
fn an_admin_address_for_others_needs_a_token() {
    let scratch = Scratch::new();
    let text = "admin = \"0.0.0.0:0\"\n[[app]]\nname = \"a\"\nupstream = \"http://127.0.0.1:1\"\n";
    let config = scratch.file("open.toml", text);
    let outcome = finish(ebbtide().args(["check", "--config"]).arg(&config));
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    assert!(outcome.stderr.contains("admin_token_file"), "{outcome:?}");
}

#[test]
fn the_automatic_source_is_named_with_its_reason() {
    let app = App::listen();
    let proxy = Setup::demo(app.address()).source("auto").start();
    let (source, reason) = proxy.source();
    assert!(["ebpf", "tcp-info"].contains(&source.as_str()), "{source}");
    assert!(!reason.is_empty(), "why {source}?");
    let gauge = |source| proxy.metrics().count("ebbtide_socket_source", &[("source", source)]);
    assert_eq!(gauge(&source), 1);
    let (_client, _server) = open(&proxy, &app);
    proxy.await_sessions(1);
    assert_eq!(proxy.sessions()[0]["legs"]["client"]["source"], source.as_str());
}
