//! Which host a request asks for (RFC 9112 section 3.2): one rule for the target and the field.

use crate::harness::app::HttpApp;
use crate::harness::http::{Message, request};
use crate::harness::setup::Setup;

/// Two apps, so that a misread host would reach the other.
#[test]
fn a_host_in_two_readings_is_a_400() {
    let apps = ["named", "any"].map(HttpApp::named);
    let proxy = Setup::new()
        .app("named", apps[0].address(), "hosts = [\"a.test\"]")
        .app("any", apps[1].address(), "")
        .start();
    for bytes in [
        request("GET", "a.test", "http://b.test@a.test/", ""),
        request("GET", "a.test", "http://user:word@a.test/", ""),
        request("GET", "a.test", "http://a.test/", "Host: b.test\r\n"),
        request("GET", "a.test", "http://a.test:99999x/", ""),
        request("GET", "d:99999x", "/", ""),
        request("GET", "d:99999", "/", ""),
        request("GET", "a.test:80x", "/", ""),
    ] {
        let mut wire = proxy.connect();
        wire.send(&bytes);
        let answer = Message::read_response(&mut wire, "GET");
        assert_eq!(answer.status(), 400, "{bytes:?}: {answer:?}");
        for app in &apps {
            assert_eq!(app.requests().len(), 0, "{bytes:?} reached an app");
        }
    }
}

#[test]
fn a_refused_host_is_refused_with_a_reason() {
    let app = HttpApp::named("any");
    let proxy = Setup::demo(app.address()).start();
    for bytes in [
        request("GET", "a.test", "http://user@a.test/", ""),
        request("GET", "a.test", "http://a.test/", "Host: a.test\r\n"),
        request("GET", "d:99999x", "/", ""),
    ] {
        let mut wire = proxy.connect();
        wire.send(&bytes);
        Message::read_response(&mut wire, "GET").assert_own(400);
    }
    assert_eq!(app.requests().len(), 0);
}

const OLD: &str = "GET /old HTTP/1.0\r\n\r\n";

/// Old probes and load balancers name no host; HTTP/1.0 never asked them to.
#[test]
fn http_1_0_without_a_host_reaches_an_app_for_any() {
    let apps = ["named", "any"].map(HttpApp::named);
    let proxy = Setup::new()
        .app("named", apps[0].address(), "hosts = [\"a.test\"]")
        .app("any", apps[1].address(), "")
        .start();
    let mut wire = proxy.connect();
    wire.send(OLD);
    assert_eq!(Message::read_response(&mut wire, "GET").text(), "any");
    let head = apps[1].last().head;
    assert_eq!(head.target(), "/old");
    assert_eq!(head.get("x-forwarded-host"), None, "nobody named one: {head:?}");
    assert_eq!(head.get("x-forwarded-for"), Some("127.0.0.1"));
}

#[test]
fn http_1_0_without_a_host_is_nobody_s_where_all_have_hosts() {
    let app = HttpApp::named("named");
    let proxy =
        Setup::new().app("named", app.address(), "hosts = [\"a.test\", \"*.b.test\"]").start();
    let mut wire = proxy.connect();
    wire.send(OLD);
    Message::read_response(&mut wire, "GET").assert_own(404);
    assert_eq!(app.requests().len(), 0);
}

/// RFC 9112 section 3.2: a path, or a URL. `foo` alone would be read as a host, over the one in `Host`.
#[test]
fn a_target_that_is_neither_path_nor_url_is_a_400() {
    let app = HttpApp::named("any");
    let proxy = Setup::demo(app.address()).start();
    for target in ["foo", "a.test", "a.test:80", "b.test"] {
        let mut wire = proxy.connect();
        wire.send(request("GET", "a.test", target, ""));
        Message::read_response(&mut wire, "GET").assert_own(400);
    }
    assert_eq!(app.requests().len(), 0);
}

/// A DNS name has at most 255 bytes.
#[test]
fn a_host_longer_than_any_name_is_a_400() {
    let app = HttpApp::named("any");
    let proxy = Setup::demo(app.address()).start();
    let host = |length| "a".repeat(length);
    for bytes in [
        request("GET", &host(5000), "/", ""),
        request("GET", &host(300), "/", ""),
        request("GET", "a.test", &format!("http://{}/", host(5000)), ""),
    ] {
        let mut wire = proxy.connect();
        wire.send(&bytes);
        Message::read_response(&mut wire, "GET").assert_own(400);
    }
    assert_eq!(app.requests().len(), 0);
    let longest = format!("{}:65535", host(255));
    let mut wire = proxy.connect();
    wire.send(request("GET", &longest, "/", ""));
    assert_eq!(Message::read_response(&mut wire, "GET").text(), "any");
    assert_eq!(app.last().head.get("host"), Some(&*longest));
}
