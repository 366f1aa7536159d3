//! Requests: what nobody asked for does not count, whatever else does.

use crate::harness::app::{App, HttpApp};
use crate::harness::http::{Message, request};
use crate::harness::setup::Setup;
use crate::harness::wait::eventually;
use crate::scene::Scene;

#[test]
fn polls_do_not_count_and_unknown_requests_do() {
    let scene = Scene::start("packs = [\"streamlit\", \"jupyter\"]");
    for (method, target) in [
        ("GET", "/_stcore/health"),
        ("GET", "/base/_stcore/host-config"),
        ("GET", "/api/kernels?1795330279000"),
        ("PUT", "/lab/api/workspaces/default?1795330279000"),
        ("GET", "/api/contents/a.ipynb?no_track_activity=1"),
        ("POST", "/api/anything?x=1&no_track_activity=1"),
    ] {
        scene.ask(method, target, "", "");
    }
    assert_eq!(scene.activity("request"), 0);
    let told = ["poll", "reconnect", "ambient"].map(|reason| scene.ignored(reason));
    assert_eq!(told, [3, 2, 1]);
    for (method, target) in [
        ("POST", "/_stcore/health"),
        ("GET", "/health"),
        ("POST", "/api/sessions?1795330279000"),
        ("PUT", "/_stcore/upload_file/1/2"),
        ("GET", "/elsewhere?no_track_activity=1"),
    ] {
        let before = scene.activity("request");
        scene.ask(method, target, "", "x");
        assert_eq!(scene.activity("request"), before + 1, "{method} {target}");
    }
}

const TICK: &str = r#"{"output":"o.children","changedPropIds":["clock.n_intervals"]}"#;
const CLICK: &str =
    r#"{"output":"o.children","changedPropIds":["clock.n_intervals","b.n_clicks"]}"#;

#[test]
fn a_body_is_judged_while_it_passes() {
    let app = HttpApp::named("done");
    let proxy = Setup::demo(app.address()).start();
    let scene_counts = || {
        let metrics = proxy.metrics();
        let of = |name, reason| metrics.count(name, &[("reason", reason)]);
        (of("ebbtide_activity_total", "request"), of("ebbtide_ignored_total", "timer"))
    };
    let mut expected = (0, 0);
    let long = format!("{{\"pad\":\"{}\",{}", "x".repeat(70_000), &TICK[1..]);
    for (body, counts) in [(TICK, false), (CLICK, true), (&long, true), ("{", true), ("", true)] {
        // In three ways: at once, in two writes, and in chunks.
        let target = "/_dash-update-component";
        let (first, rest) = body.split_at(body.len() / 2);
        let sized = format!("Connection: close\r\nContent-Length: {}\r\n", body.len());
        let chunked = "Connection: close\r\nTransfer-Encoding: chunked\r\n";
        let chunk = |part: &str| match part {
            "" => String::new(),
            part => format!("{:x}\r\n{part}\r\n", part.len()),
        };
        for (fields, parts) in [
            (sized.as_str(), vec![body.to_owned()]),
            (&sized, vec![first.to_owned(), rest.to_owned()]),
            (chunked, vec![chunk(first), chunk(rest), "0\r\n\r\n".to_owned()]),
        ] {
            let mut client = proxy.connect();
            client.send(request("POST", "demo.test", target, fields));
            for part in parts {
                client.send(part);
            }
            let answer = Message::read_response(&mut client, "POST");
            assert_eq!(answer.text(), "done");
            match counts {
                true => expected.0 += 1,
                false => expected.1 += 1,
            }
            let what = format!("{expected:?} after {} bytes", body.len());
            eventually(&what, || (scene_counts() == expected).then_some(()));
        }
    }
}

/// The page of an app that hangs up goes on ticking, and the app reads nothing of it.
#[test]
fn a_body_that_no_app_reads_is_judged_all_the_same() {
    let app = App::listen().serve(drop);
    let proxy = Setup::demo(app.address).start();
    let target = "/_dash-update-component";
    for body in [TICK, CLICK, TICK] {
        let fields = format!("Connection: close\r\nContent-Length: {}\r\n", body.len());
        let mut client = proxy.connect();
        client.send(request("POST", "demo.test", target, &fields));
        let (first, rest) = body.split_at(9);
        client.send(first);
        client.send(rest);
        assert_eq!(Message::read_response(&mut client, "POST").status(), 502);
    }
    let metrics = proxy.metrics();
    let of = |name, reason| metrics.count(name, &[("reason", reason)]);
    let told = (of("ebbtide_activity_total", "request"), of("ebbtide_ignored_total", "timer"));
    assert_eq!(told, (1, 2));
}

#[test]
fn events_of_an_app_count_unless_they_are_heartbeats() {
    let scene = Scene::start("packs = [\"gradio\"]");
    let mut client = scene.proxy.connect();
    let fields = "Accept: text/event-stream\r\n";
    client.send(request("GET", "demo.test", "/gradio_api/heartbeat/abc", fields));
    let mut server = scene.app.accept();
    Message::read_request(&mut server);
    server.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n");
    for _ in 0..3 {
        server.send("data: ALIVE\n\n");
        client.through(b"data: ALIVE\n\n");
    }
    let heartbeats = scene.ignored("heartbeat");
    assert_eq!((scene.activity("output"), scene.activity("request")), (0, 0));
    assert_eq!(heartbeats, 4, "the request for them and three of them");
    server.send("data: {\"msg\":\"progress\"}\n\n");
    client.through(b"progress\"}\n\n");
    scene.await_counts(("output", 1), ("heartbeat", 4));
}
