//! Which path an app is asked for: `strip_path`, and an upstream with a path of its own.

use crate::harness::app::{App, HttpApp};
use crate::harness::http::{Head, Message, request};
use crate::harness::proxy::Proxy;
use crate::harness::session::upgrade;
use crate::harness::setup::Setup;

fn start(app: &HttpApp, base: &str, lines: &str) -> Proxy {
    Setup::new().app_at("demo", &format!("http://{}{base}", app.address()), lines).start()
}

/// The request as the app got it.
fn asked(proxy: &Proxy, app: &HttpApp, target: &str, fields: &str) -> Head {
    let mut wire = proxy.connect();
    wire.send(request("GET", "a.test", target, fields));
    assert_eq!(Message::read_response(&mut wire, "GET").status(), 200, "{target}");
    app.last().head
}

#[test]
fn a_path_of_the_upstream_comes_before_each_request_s() {
    let app = HttpApp::named("app");
    let proxy = start(&app, "/base", "");
    for (target, told) in [
        ("/", "/base/"),
        ("/x/y?a=/b&c", "/base/x/y?a=/b&c"),
        ("//x", "/base//x"),
        ("http://a.test/x", "/base/x"),
        ("/x%2Fy", "/base/x%2Fy"),
    ] {
        assert_eq!(asked(&proxy, &app, target, "").target(), told, "{target}");
    }
    let head = asked(&proxy, &app, "/", "");
    assert_eq!(head.get("x-forwarded-prefix"), None);
}

#[test]
fn a_stripped_path_is_taken_off_and_told() {
    let app = HttpApp::named("app");
    let proxy = start(&app, "", "path = \"/shop/one\"\nstrip_path = true");
    for (target, told) in [
        ("/shop/one", "/"),
        ("/shop/one/", "/"),
        ("/shop/one?x", "/?x"),
        ("/shop/one/a?b=/shop/one", "/a?b=/shop/one"),
        ("/sh%6Fp/one/a", "/a"),
        ("/shop/one//host/a", "/host/a"),
    ] {
        let head = asked(&proxy, &app, target, "X-Forwarded-Prefix: /claimed\r\n");
        assert_eq!(head.target(), told, "{target}");
        assert_eq!(head.all("x-forwarded-prefix"), ["/shop/one"], "{target}");
    }
    assert_eq!(proxy.get("a.test", "/shop/onetwo").assert_own(404), "no-app");
}

#[test]
fn a_stripped_path_and_one_of_the_upstream_go_together() {
    let app = HttpApp::named("app");
    let proxy = start(&app, "/base", "path = \"/shop\"\nstrip_path = true");
    assert_eq!(asked(&proxy, &app, "/shop/a?b", "").target(), "/base/a?b");
    assert_eq!(asked(&proxy, &app, "/shop", "").target(), "/base/");
}

#[test]
fn dots_do_not_lead_out_of_the_path_that_the_app_is_given() {
    let app = HttpApp::named("app");
    let stripped = "path = \"/shop\"\nstrip_path = true";
    for (base, lines) in [("/base", ""), ("", stripped)] {
        let proxy = start(&app, base, lines);
        for path in ["/shop/../secret", "/shop/%2e%2E/secret", "/shop/..%2fsecret", "/shop/./x"] {
            assert_eq!(proxy.get("a.test", path).assert_own(400), "bad-request", "{path}");
        }
    }
    assert!(app.requests().is_empty());
}

#[test]
fn prefixes_of_trusted_proxies_come_first() {
    let app = HttpApp::named("app");
    let proxy = Setup::new()
        .key("trusted_proxies = [\"127.0.0.1\"]")
        .app("demo", app.address(), "path = \"/in\"\nstrip_path = true")
        .start();
    for (before, told) in [
        ("X-Forwarded-Prefix: /out/\r\n", "/out/in"),
        ("X-Forwarded-Prefix: https://x\r\n", "/in"),
        ("X-Forwarded-Prefix: /a, /b\r\n", "/in"),
        ("X-Forwarded-Prefix: /a\r\nX-Forwarded-Prefix: /b\r\n", "/in"),
        ("X_Forwarded_Prefix: /a\r\n", "/in"),
    ] {
        let head = asked(&proxy, &app, "/in/x", before);
        assert_eq!(head.all("x-forwarded-prefix"), [told], "{before}");
        assert_eq!(head.get("x_forwarded_prefix"), None);
    }
}

#[test]
fn handshakes_get_the_same_path() {
    let app = App::listen();
    let url = format!("http://{}/base", app.address());
    let proxy = Setup::new().app_at("demo", &url, "path = \"/shop\"\nstrip_path = true").start();
    let mut client = proxy.connect();
    client.send(upgrade("a.test", "/shop/stream?x", ""));
    let head = Head::read(&mut app.accept());
    assert_eq!(head.target(), "/base/stream?x");
    assert_eq!(head.get("x-forwarded-prefix"), Some("/shop"));
}
