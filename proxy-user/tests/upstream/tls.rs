//! `https://` upstreams: who is trusted, and what is said about those who are not.

use crate::front::{Asked, Front, pem};
use crate::harness::app::{App, HttpApp};
use crate::harness::frame::Frame;
use crate::harness::http::{Head, Message};
use crate::harness::proxy::Proxy;
use crate::harness::session::{Peer, Role, consent, open, upgrade};
use crate::harness::setup::Setup;
use crate::harness::wait::eventually;

fn at(host: &str, front: &Front) -> String {
    format!("https://{host}:{}", front.address.port())
}

fn trusting(ca: &str) -> String {
    format!("upstream_tls = {{ ca = {:?} }}", pem(ca))
}

/// A proxy of one app.
fn start(upstream: &str, lines: &str) -> Proxy {
    Setup::new().key("workers = 1").app_at("demo", upstream, lines).start()
}

/// The log's reason why the app could not be reached, after one request that shows it.
fn refused(upstream: &str, lines: &str) -> String {
    let proxy = start(upstream, lines);
    assert_eq!(proxy.get("a.test", "/").assert_own(502), "app-untrusted");
    let failures = || proxy.log().fields("request failed").pop();
    let failure = eventually("the reason to be logged", failures);
    failure["error"].as_str().unwrap().to_owned()
}

#[test]
fn an_app_is_verified_by_its_own_authority_and_asked_for_by_name() {
    let app = HttpApp::named("secure");
    let front = Front::of(app.address(), "localhost");
    let proxy = start(&at("localhost", &front), &trusting("localhost"));
    for _ in 0..3 {
        assert_eq!(proxy.get("a.test", "/x?y=1").text(), "secure");
    }
    assert_eq!(app.last().head.target(), "/x?y=1");
    let protocol = Some(b"http/1.1".to_vec());
    let asked = Asked { name: Some("localhost".to_owned()), protocol };
    assert_eq!(front.asked(), [asked], "one connection, kept for all requests");
}

/// Such certificates are what `openssl req -x509` makes.
#[test]
fn a_self_signed_certificate_of_an_authority_is_trusted_by_itself() {
    let app = HttpApp::named("secure");
    let front = Front::of(app.address(), "one");
    let proxy = start(&at("127.0.0.1", &front), &trusting("one"));
    assert_eq!(proxy.get("a.test", "/").text(), "secure");
    assert_eq!(front.asked()[0].name, None, "RFC 6066 section 3: an address is no server name");
    let error = refused(&at("localhost", &front), &trusting("one"));
    assert!(error.contains("localhost") && error.contains("one.example.com"), "{error}");
}

#[test]
fn an_app_that_another_authority_vouches_for_is_refused() {
    let app = HttpApp::named("secure");
    let front = Front::of(app.address(), "localhost");
    for lines in [&*trusting("apps"), ""] {
        let error = refused(&at("localhost", &front), lines);
        assert!(error.contains(": its certificate is not signed by "), "{error}");
    }
    assert!(app.requests().is_empty());
}

#[test]
fn an_app_without_tls_is_refused_in_words() {
    let app = App::listen().serve(|mut wire| {
        wire.more("what it takes for a request");
        wire.send("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
    });
    let error = refused(&format!("https://{}", app.address), "upstream_tls.verify = false");
    assert!(error.contains("does not speak TLS"), "{error}");
}

#[test]
fn the_system_s_roots_are_the_default() {
    let app = HttpApp::named("secure");
    let front = Front::of(app.address(), "localhost");
    let roots = format!("SSL_CERT_FILE={}", pem("localhost"));
    let setup = Setup::new().app_at("demo", &at("localhost", &front), "");
    let proxy = setup.wrapper(&["env", &roots]).start();
    assert_eq!(proxy.get("a.test", "/").text(), "secure");
}

#[test]
fn verify_false_trusts_everybody_and_warns() {
    let app = HttpApp::named("secure");
    let front = Front::of(app.address(), "apps");
    let proxy = start(&at("localhost", &front), "upstream_tls.verify = false");
    assert_eq!(proxy.get("a.test", "/").text(), "secure");
    let warns = || proxy.log().text().contains("can read and change everything").then_some(());
    eventually("a warning", warns);
}

#[test]
fn apps_that_are_verified_differently_share_no_connection() {
    let app = HttpApp::named("secure");
    let front = Front::of(app.address(), "localhost");
    let url = at("localhost", &front);
    let proxy = Setup::new()
        .key("workers = 1")
        .app_at("loose", &url, "hosts = [\"loose.test\"]\nupstream_tls.verify = false")
        .app_at("strict", &url, &format!("hosts = [\"strict.test\"]\n{}", trusting("apps")))
        .app_at("plain", &url.replace("https", "http"), "hosts = [\"plain.test\"]")
        .start();
    for _ in 0..2 {
        assert_eq!(proxy.get("loose.test", "/").text(), "secure");
        assert_eq!(proxy.get("strict.test", "/").assert_own(502), "app-untrusted");
        assert_eq!(proxy.get("plain.test", "/").status(), 502);
    }
}

#[test]
fn a_session_over_tls_is_carried_and_watched() {
    let app = App::listen();
    let front = Front::of(app.address(), "localhost");
    let proxy = start(&at("localhost", &front), &trusting("localhost"));
    let (mut client, mut server) = open(&proxy, &app);
    for frame in [Frame::text("hello"), Frame::binary(vec![7; 300_000])] {
        client.send(&frame);
        server.expect(&frame);
        server.send(&frame);
        client.expect(&frame);
    }
    let leg = |session: &serde_json::Value| {
        let leg = &session["legs"]["app"];
        (leg["state"].clone(), leg["acked_bytes"].as_u64(), leg["received_bytes"].as_u64())
    };
    eventually("the app leg's row to follow", || {
        let (state, acked, received) = leg(&proxy.sessions()[0]);
        (state == "ESTABLISHED" && acked > Some(300_000) && received > Some(300_000)).then_some(())
    });
    client.send(&Frame::close(1000, ""));
    server.expect_close(1000);
}

/// What an app sends together with its 101 is in TLS's hands, or in HTTP's, when the session begins.
#[test]
fn frames_right_behind_the_101_arrive() {
    let app = App::listen();
    let front = Front::of(app.address(), "localhost");
    let proxy = start(&at("localhost", &front), &trusting("localhost"));
    let (mut client, frame) = (proxy.connect(), Frame::text("at once"));
    client.send(upgrade("demo.test", "/stream", ""));
    let mut server = app.accept();
    Head::read(&mut server);
    server.send([consent("").into_bytes(), frame.encode()].concat());
    assert_eq!(Message::read_response(&mut client, "GET").status(), 101);
    Peer::new(client, Role::Client).expect(&frame);
}

#[test]
fn a_new_authority_is_read_when_its_file_changes() {
    let app = HttpApp::named("secure");
    let front = Front::of(app.address(), "localhost");
    let ca = std::env::temp_dir().join(format!("ebbtide-ca-{}.pem", std::process::id()));
    std::fs::copy(pem("apps"), &ca).unwrap();
    let proxy = start(&at("localhost", &front), &format!("upstream_tls = {{ ca = {ca:?} }}"));
    assert_eq!(proxy.get("a.test", "/").assert_own(502), "app-untrusted");
    std::fs::copy(pem("localhost"), &ca).unwrap();
    eventually("the new authority to be trusted", || {
        (proxy.get("a.test", "/").status() == 200).then_some(())
    });
    std::fs::remove_file(ca).unwrap();
}

/// A TLS handshake that never ends holds a request no longer than a connection would.
#[test]
fn an_app_that_is_silent_in_the_handshake_is_given_up() {
    let app = App::listen();
    let proxy = start(&format!("https://{}", app.address()), "upstream_tls.verify = false");
    let waits = std::thread::spawn(move || proxy.get("a.test", "/").assert_own(502).to_owned());
    let _held = app.accept();
    assert_eq!(waits.join().unwrap(), "app-unreachable");
}
