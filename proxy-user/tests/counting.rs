//! What is counted: everything once, nothing before it happens, and from the start, so that the
//! first event is seen as an increase.

mod harness;

use harness::app::App;
use harness::frame::Frame;
use harness::http::Head;
use harness::metrics::Metrics;
use harness::session::{Peer, Role, consent, upgrade};
use harness::setup::Setup;
use serde_json::Value;

/// The value of the one sample with exactly these labels.
fn value(metrics: &Metrics, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let all = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let labels = labels.iter().map(all).collect();
    let sample = metrics.samples.iter().find(|s| s.name == name && s.labels == labels);
    sample.map(|sample| sample.value)
}

#[test]
fn rare_events_are_zero_from_the_start() {
    let app = App::listen();
    let metrics = Setup::new()
        .app("a", app.address(), "hosts = [\"a.test\"]")
        .app("b", app.address(), "")
        .start()
        .metrics();
    for app in ["a", "b"] {
        for leg in ["client", "app"] {
            for reason in ["stalled", "unreachable", "peer_closed"] {
                let labels = [("app", app), ("leg", leg), ("reason", reason)];
                let reaped = value(&metrics, "ebbtide_reaped_total", &labels);
                assert_eq!(reaped, Some(0.0), "{labels:?}");
            }
        }
    }
    let results: Vec<_> =
        metrics.samples.iter().filter(|s| s.name == "ebbtide_reports_total").collect();
    assert!(results.len() > 1, "success and failure at least: {results:?}");
    for sample in results {
        assert_eq!((sample.value, sample.labels.len()), (0.0, 1), "{sample:?}");
        assert!(sample.labels.contains_key("result"), "{sample:?}");
    }
}

/// A handshake holds a seat, but it is no session before the app has agreed.
#[test]
fn an_open_handshake_is_no_session() {
    let app = App::listen();
    let proxy = Setup::demo(app.address()).start();
    let mut client = proxy.connect();
    client.send(upgrade("a.test", "/", ""));
    let mut server = app.accept();
    Head::read(&mut server);
    let sessions = |name| proxy.metrics().count(name, &[("app", "demo")]);
    assert_eq!((sessions("ebbtide_sessions"), sessions("ebbtide_sessions_total")), (0, 0));
    server.send(consent(""));
    assert_eq!(Head::read(&mut client).status(), 101);
    proxy.await_sessions(1);
    assert_eq!(sessions("ebbtide_sessions_total"), 1);
}

/// Frames right behind the handshake are read with it, before there is a session to count them.
#[test]
fn early_bytes_are_received_once() {
    let app = App::listen();
    let proxy = Setup::demo(app.address()).start();
    let frame = Frame::binary(vec![7; 1000]);
    let asked = upgrade("a.test", "/", "");
    let agreed = consent("");
    let up = frame.clone().masked([1, 2, 3, 4]).encode();
    let down = frame.encode();
    let mut wire = proxy.connect();
    wire.send([asked.as_bytes(), &up].concat());
    let mut server = app.accept();
    Head::read(&mut server);
    server.send([agreed.as_bytes(), &down].concat());
    assert_eq!(Head::read(&mut wire).status(), 101);
    let (mut client, mut server) = (Peer::new(wire, Role::Client), Peer::new(server, Role::App));
    client.expect(&frame);
    server.expect(&frame);
    let sessions = proxy.sessions();
    let received = |leg: &str| sessions[0]["legs"][leg]["received_bytes"].clone();
    assert_eq!(received("client"), Value::from(asked.len() + up.len()));
    assert_eq!(received("app"), Value::from(agreed.len() + down.len()));
}
