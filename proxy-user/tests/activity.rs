//! What the control plane is told: every activity's app, at most one report per app and interval,
//! the newest never lost.

mod harness;

use std::time::Duration;

use harness::app::{App, HttpApp};
use harness::control::{Control, Report, seconds_of};
use harness::frame::Frame;
use harness::http::{Message, request};
use harness::proxy::Proxy;
use harness::scratch::Scratch;
use harness::session::open;
use harness::setup::Setup;
use harness::wait::{Stopwatch, eventually, pause, unix_seconds};
use harness::wire::Wire;

fn reporting(app: &App, control: &Control, interval: &str) -> Proxy {
    Setup::demo(app.address()).section(&control.section(interval, "")).start()
}

#[test]
fn a_report_has_the_shape_of_the_contract() {
    let scratch = Scratch::new();
    let token = scratch.file("token", "s3cret\n");
    let (app, control) = (App::listen(), Control::up());
    let lines = format!("token_file = {:?}", token.display().to_string());
    let proxy = Setup::demo(app.address()).section(&control.section("1s", &lines)).start();
    let began = unix_seconds();
    let (mut client, mut server) = open(&proxy, &app);
    client.send(&Frame::text("a click"));
    server.receive();
    let report = control.await_report("a report of the click", |r| r.reason() == "input");
    let head = &report.request.head;
    assert_eq!(head.start, "PATCH /apps/demo HTTP/1.1");
    assert_eq!(head.get("authorization"), Some("Bearer s3cret"));
    let kind = head.get("content-type").unwrap_or_default();
    assert!(kind.starts_with("application/json"), "{head:?}");
    let members: Vec<_> = report.body.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["app", "lastActivity", "reason", "sessions"], "{}", report.body);
    assert_eq!(report.app(), "demo");
    assert_eq!(report.body["sessions"], 1);
    let last = report.last_activity();
    // The clock that decides may be coarse: a second either way.
    assert!((began - 1..=unix_seconds() + 1).contains(&last), "{last} is not now ({began})");
    // The control plane has the report before the proxy has its answer.
    eventually("ebbtide_reports_total counts", || {
        (proxy.metrics().sum("ebbtide_reports_total", &[]) >= 1.0).then_some(())
    });
}

/// The control plane has a body and a header of its own.
#[test]
fn a_report_has_the_shape_that_the_control_plane_wants() {
    let scratch = Scratch::new();
    let token = scratch.file("token", "s3cret\n");
    let (app, control) = (App::listen(), Control::up());
    let lines = format!(
        "token_file = {:?}\ntoken_header = \"X-Control-Token\"\n\
         body = '{{\"lastRequestTimestamp\":\"{{time}}\",\"of\":{{\"app\":\"{{app}}\",\"why\":\"{{reason}}\",\"n\":{{sessions}}}}}}'",
        token.display().to_string()
    );
    let proxy = Setup::demo(app.address()).section(&control.section("1s", &lines)).start();
    let began = unix_seconds();
    let (mut client, mut server) = open(&proxy, &app);
    client.send(&Frame::text("a click"));
    server.receive();
    let report = control.await_report("a report of the click", |r| r.body["of"]["why"] == "input");
    let head = &report.request.head;
    assert_eq!(head.get("x-control-token"), Some("s3cret"));
    assert_eq!(head.get("authorization"), None);
    assert_eq!(head.get("content-type"), Some("application/json"));
    let of = serde_json::json!({"app": "demo", "why": "input", "n": 1});
    assert_eq!(report.body["of"], of);
    let last = seconds_of(report.body["lastRequestTimestamp"].as_str().unwrap_or_default());
    assert!((began - 1..=unix_seconds() + 1).contains(&last), "{last} is not now ({began})");
}

#[test]
fn each_kind_of_activity_names_its_reason() {
    let (app, page, control) = (App::listen(), HttpApp::named("page"), Control::up());
    let proxy = Setup::new()
        .app("demo", app.address(), "hosts = [\"demo.test\"]")
        .app("page", page.address(), "hosts = [\"page.test\"]")
        .section(&control.section("1s", ""))
        .start();
    let told = |app: &str, reason: &str| {
        control.await_report(&format!("{reason} of {app}"), |r| {
            (r.app(), r.reason()) == (app, reason)
        });
    };
    let (mut client, mut server) = open(&proxy, &app);
    told("demo", "upgrade");
    client.send(&Frame::text("a click"));
    server.receive();
    told("demo", "input");
    server.send(&Frame::text("a chart"));
    client.receive();
    told("demo", "output");
    assert_eq!(proxy.get("page.test", "/").text(), "page");
    told("page", "request");
    let metrics = proxy.metrics();
    for (app, reason) in
        [("demo", "upgrade"), ("demo", "input"), ("demo", "output"), ("page", "request")]
    {
        let labels = [("app", app), ("reason", reason)];
        assert!(metrics.sum("ebbtide_activity_total", &labels) >= 1.0, "{app} {reason}");
    }
    let stamp = metrics.sum("ebbtide_activity_timestamp_seconds", &[("app", "page")]);
    assert!((unix_seconds() as f64 - stamp).abs() < 60.0, "{stamp} is not about now");
}

/// A callback of Dash, which nobody answers until `answer` is called.
struct Callback {
    client: Wire,
    server: Wire,
}

impl Callback {
    fn ask(proxy: &Proxy, app: &App) -> Callback {
        let body = r#"{"changedPropIds":["button.n_clicks"]}"#;
        let fields = format!("Connection: close\r\nContent-Length: {}\r\n", body.len());
        let mut client = proxy.connect();
        client.send(request("POST", "demo.test", "/_dash-update-component", &fields) + body);
        let mut server = app.accept();
        Message::read_request(&mut server);
        Callback { client, server }
    }

    fn answer(mut self) {
        self.server.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}");
        assert_eq!(Message::read_response(&mut self.client, "POST").status(), 200);
    }
}

/// One GET that counts.
fn visit(proxy: &Proxy, app: &App) {
    let mut client = proxy.connect();
    client.send(request("GET", "demo.test", "/", "Connection: close\r\n"));
    let mut server = app.accept();
    Message::read_request(&mut server);
    server.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
    assert_eq!(Message::read_response(&mut client, "GET").status(), 200);
}

fn at_work(control: &Control, lines: &str) -> (App, Proxy) {
    let app = App::listen();
    let lines = format!("packs = [\"dash\"]\n{lines}");
    let setup = Setup::new().app("demo", app.address(), &lines);
    (app, setup.section(&control.section("1s", "")).start())
}

/// Whoever stops idle apps by what is reported must not stop one that computes for somebody.
#[test]
fn an_app_at_work_is_used_now() {
    let control = Control::up();
    let (app, proxy) = at_work(&control, "");
    let callback = Callback::ask(&proxy, &app);
    let first = control.await_report("work", |r| r.reason() == "work");
    let later = first.last_activity() + 2;
    let last = control.await_report("work that goes on", |r| r.last_activity() >= later);
    assert_eq!(last.reason(), "work");
    assert!((last.last_activity() as f64 - unix_seconds() as f64).abs() <= 2.0, "now: {last:?}");
    callback.answer();
    eventually("the end of it", || {
        let app: serde_json::Value =
            serde_json::from_slice(&proxy.admin("/api/apps/demo", "").body).ok()?;
        app["work"]["since"].is_null().then_some(())
    });
    // The clock of activity is a few milliseconds behind, and what is older than what was told is no news.
    pause(Duration::from_millis(50));
    visit(&proxy, &app);
    control.await_report("a visit", |r| r.reason() == "request" && r.at > last.at);
    let reports = control.reports();
    let times: Vec<_> = reports.iter().map(Report::last_activity).collect();
    assert!(times.is_sorted(), "what was told of work stands: {times:?}");
    // n reports span n - 1 intervals; half an interval is allowed for a late arrival.
    let span = reports[reports.len() - 1].at - reports[0].at;
    assert!(reports.len() as f64 <= span + 1.5, "{} reports in {span} s", reports.len());
}

#[test]
fn work_that_does_not_count_is_not_reported() {
    let control = Control::up();
    let (app, proxy) = at_work(&control, "busy_limit = \"off\"");
    let callback = Callback::ask(&proxy, &app);
    let asked = control.await_report("the callback", |r| r.reason() == "request");
    visit(&proxy, &app);
    control.await_report("a visit", |r| r.reason() == "request" && r.at > asked.at);
    callback.answer();
    assert!(control.reports().iter().all(|r| r.reason() == "request"), "{:?}", control.reports());
}

/// It would see the token, and is not where the control plane is.
#[test]
fn the_environment_s_proxy_is_not_told() {
    let scratch = Scratch::new();
    let token = scratch.file("token", "s3cret\n");
    let (app, control, stranger) = (App::listen(), Control::up(), App::listen());
    let lines = format!("token_file = {:?}", token.display().to_string());
    let names = ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];
    let variables = names.map(|name| format!("{name}=http://{}", stranger.address()));
    let mut wrapper = vec!["env", "-u", "NO_PROXY", "-u", "no_proxy"];
    wrapper.extend(variables.iter().map(String::as_str));
    let setup = Setup::demo(app.address()).section(&control.section("1s", &lines));
    let proxy = setup.wrapper(&wrapper).start();
    let (mut client, mut server) = open(&proxy, &app);
    client.send(&Frame::text("a click"));
    server.receive();
    control.await_report("a report of the click", |r| r.reason() == "input");
    assert!(stranger.accept_within(Duration::ZERO).is_none(), "the stranger was asked");
}

#[test]
fn an_app_is_reported_at_most_once_per_interval() {
    let (app, control) = (App::listen(), Control::up());
    let proxy = reporting(&app, &control, "2s");
    let (mut client, mut server) = open(&proxy, &app);
    let watch = Stopwatch::start();
    while watch.elapsed() < Duration::from_secs(7) {
        client.send(&Frame::text("busy"));
        server.receive();
        pause(Duration::from_millis(5));
    }
    let reports = control.reports();
    let times: Vec<f64> = reports.iter().map(|r| r.at).collect();
    // n reports span n - 1 intervals; half an interval is allowed for a late arrival.
    let (first, last) = (times[0], times[times.len() - 1]);
    let most = ((last - first) / 2.0 + 0.5).floor() + 1.0;
    assert!(times.len() as f64 <= most, "{times:?}");
    assert!(times.len() >= 3, "a busy app is reported again and again: {times:?}");
}

#[test]
fn control_frames_are_no_activity() {
    let (app, control) = (App::listen(), Control::up());
    let proxy = reporting(&app, &control, "1s");
    let (mut client, mut server) = open(&proxy, &app);
    control.await_report("the upgrade", |r| r.reason() == "upgrade");
    for _ in 0..20 {
        client.send(&Frame::ping("from the client"));
        server.receive();
        server.send(&Frame::ping("from the app"));
        client.receive();
        client.send(&Frame::new(0xA, "pong"));
        server.receive();
        pause(Duration::from_millis(170));
    }
    let metrics = proxy.metrics();
    let frames = |kind| metrics.count("ebbtide_frames_total", &[("app", "demo"), ("kind", kind)]);
    assert_eq!((frames("control"), frames("data")), (60, 0));
    for reason in ["input", "output"] {
        let labels = [("app", "demo"), ("reason", reason)];
        assert_eq!(metrics.count("ebbtide_activity_total", &labels), 0, "{reason}");
    }
    let reasons: Vec<_> = control.reports().iter().map(|r| r.reason().to_owned()).collect();
    assert_eq!(reasons, ["upgrade"], "three intervals of control frames reported nothing");
    // The wire was not simply dead: a data frame is still told.
    client.send(&Frame::text("a click"));
    control.await_report("the click", |r| r.reason() == "input");
}

/// The first activity is told at once, the newest of the interval when the interval ends.
#[test]
fn the_newest_activity_inside_an_interval_is_reported_at_its_end() {
    let (app, control) = (App::listen(), Control::up());
    let proxy = reporting(&app, &control, "3s");
    let (mut client, mut server) = open(&proxy, &app);
    let first = control.await_report("the upgrade", |r| r.reason() == "upgrade");
    pause(Duration::from_millis(1100));
    client.send(&Frame::text("then quiet"));
    server.receive();
    let second = control.await_report("the click", |r| r.reason() == "input");
    assert!(second.last_activity() > first.last_activity(), "{first:?} {second:?}");
    println!("{:.2} s between the two reports of a 3 s interval", second.at - first.at);
    assert_eq!(control.reports().len(), 2);
}

/// Two activities while nobody listens: the newer one must arrive, whatever was tried before.
fn newest_arrives_after(control: &mut Control, recover: impl FnOnce(&mut Control)) {
    let app = App::listen();
    let proxy = reporting(&app, control, "1s");
    let (mut client, mut server) = open(&proxy, &app);
    client.send(&Frame::text("an early click"));
    server.receive();
    pause(Duration::from_millis(3100));
    let newest = unix_seconds() - 1;
    server.send(&Frame::text("the newest"));
    client.receive();
    pause(Duration::from_millis(1500));
    recover(control);
    let fits = |r: &Report| r.reason() == "output" && r.last_activity() >= newest;
    control.await_report("the newest activity", fits);
}

#[test]
fn nothing_is_lost_while_the_control_plane_is_away() {
    newest_arrives_after(&mut Control::down(), Control::come_up);
}

#[test]
fn nothing_is_lost_while_the_control_plane_fails() {
    for status in [500, 503, 404] {
        let mut control = Control::up();
        control.answer(status);
        newest_arrives_after(&mut control, |control| control.answer(204));
        let failed = control.reports().iter().filter(|r| r.answered == status).count();
        assert!(failed > 0, "it was never asked while it answered {status}");
    }
}

/// A retry is not a report more often than agreed: back-off, not a storm.
#[test]
fn a_failing_control_plane_is_not_stormed() {
    let (app, control) = (App::listen(), Control::up());
    control.answer(500);
    let proxy = reporting(&app, &control, "1s");
    let (mut client, _server) = open(&proxy, &app);
    for _ in 0..40 {
        client.send(&Frame::text("busy"));
        pause(Duration::from_millis(100));
    }
    let tries = control.reports().len();
    println!("{tries} tries in 4 s");
    assert!((1..=12).contains(&tries), "{tries} tries in 4 s");
}

#[test]
fn the_newest_activity_is_flushed_at_shutdown() {
    let (app, control) = (App::listen(), Control::up());
    let mut proxy = Setup::demo(app.address())
        .key("drain = \"1s\"")
        .section(&control.section("10m", ""))
        .start();
    let (mut client, mut server) = open(&proxy, &app);
    control.await_report("the upgrade", |r| r.reason() == "upgrade");
    client.send(&Frame::text("one more click"));
    server.receive();
    proxy.terminate();
    assert_eq!(proxy.exit_code(), Some(0));
    let last = control.reports().pop().unwrap();
    assert_eq!((last.app(), last.reason()), ("demo", "input"), "{}", last.body);
}

#[test]
fn apps_are_reported_apart() {
    let (pages, control) = ([HttpApp::named("a"), HttpApp::named("b")], Control::up());
    let proxy = Setup::new()
        .app("a", pages[0].address(), "hosts = [\"a.test\"]")
        .app("b", pages[1].address(), "hosts = [\"b.test\"]")
        .app("idle", pages[1].address(), "hosts = [\"idle.test\"]")
        .section(&control.section("10m", ""))
        .start();
    for _ in 0..5 {
        proxy.get("a.test", "/");
        proxy.get("b.test", "/");
    }
    // Not every request is an app's: an unknown host is nobody's activity.
    proxy.connect().send(request("GET", "nobody.test", "/", ""));
    for name in ["a", "b"] {
        let report = control.await_report(name, |r| r.app() == name);
        assert_eq!(report.request.head.target(), format!("/apps/{name}"));
        assert_eq!(report.body["sessions"], 0);
    }
    assert_eq!(control.reports().len(), 2);
}

/// More apps than reports may be on their way at once, all of them busy again before the next look.
#[test]
fn every_app_has_its_turn_however_many_are_busy() {
    let (page, control) = (HttpApp::named("page"), Control::up());
    let names: Vec<String> = (0..40).map(|n| format!("app-{n}")).collect();
    let setup = Setup::new().section(&control.section("200ms", ""));
    let add = |setup: Setup, name: &String| {
        setup.app(name, page.address(), &format!("hosts = [\"{name}.test\"]"))
    };
    let proxy = names.iter().fold(setup, add).start();
    let ask = |name: &String| request("GET", &format!("{name}.test"), "/", "");
    let all: String = names.iter().map(ask).collect();
    let mut wire = proxy.connect();
    eventually("two reports of every app", || {
        wire.send(&all);
        for _ in &names {
            Message::read_response(&mut wire, "GET");
        }
        let reports = control.reports();
        let told = |name: &String| reports.iter().filter(|r| r.app() == name).count();
        names.iter().all(|name| told(name) >= 2).then_some(())
    });
}
