//! Which app a request goes to: host (exact, wildcard, any) and the longest path prefix.

use crate::harness::app::HttpApp;
use crate::harness::http::{Message, request};
use crate::harness::setup::Setup;

#[test]
fn hosts_are_matched_exactly_by_wildcard_or_not_at_all() {
    let apps = ["exact", "wild", "special", "any"].map(HttpApp::named);
    let [exact, wild, special, any] = &apps;
    let proxy = Setup::new()
        .app("wild", wild.address(), "hosts = [\"*.apps.test\"]")
        .app("any", any.address(), "")
        .app("special", special.address(), "hosts = [\"one.apps.test\"]")
        .app("exact", exact.address(), "hosts = [\"a.test\", \"b.test\"]")
        .start();
    for (host, app) in [
        ("a.test", "exact"),
        ("b.test", "exact"),
        ("A.Test", "exact"),
        ("a.test:8080", "exact"),
        ("two.apps.test", "wild"),
        ("TWO.apps.test:1", "wild"),
        ("one.apps.test", "special"),
        ("apps.test", "any"),
        ("xapps.test", "any"),
        ("c.a.test", "any"),
        ("127.0.0.1", "any"),
        ("[::1]:80", "any"),
    ] {
        assert_eq!(proxy.get(host, "/").text(), app, "host {host}");
    }
}

#[test]
fn the_longest_path_prefix_wins_on_segment_boundaries() {
    let apps = ["root", "tool", "deep"].map(HttpApp::named);
    let [root, tool, deep] = &apps;
    let proxy = Setup::new()
        .app("tool", tool.address(), "path = \"/tool\"")
        .app("deep", deep.address(), "path = \"/tool/deep\"")
        .app("root", root.address(), "path = \"/\"")
        .start();
    for (target, app) in [
        ("/", "root"),
        ("/tool", "tool"),
        ("/tool/", "tool"),
        ("/tool?q=/x", "tool"),
        ("/tool/x", "tool"),
        ("/toolbox", "root"),
        ("/x/tool", "root"),
        ("/?p=/tool", "root"),
        ("/tool/deep", "deep"),
        ("/tool/deep/er?x", "deep"),
        ("/tool/deeper", "tool"),
    ] {
        assert_eq!(proxy.get("any.test", target).text(), app, "target {target}");
    }
}

#[test]
fn the_target_reaches_the_app_as_it_was_sent() {
    let app = HttpApp::named("app");
    let proxy = Setup::new().app("demo", app.address(), "path = \"/base\"").start();
    for target in ["/base/a%2Fb//c/./%7e?x=%20&y=a+b?c", "/base", "/base/?", "/base/%C3%A9;p=1"] {
        assert_eq!(proxy.get("any.test", target).status(), 200, "target {target}");
        assert_eq!(app.last().head.target(), target);
    }
}

/// RFC 9112 section 3.2.2: a server must accept the absolute form, and its host wins.
#[test]
fn a_target_in_absolute_form_is_routed_by_its_own_host() {
    let apps = ["a", "b"].map(HttpApp::named);
    let proxy = Setup::new()
        .app("a", apps[0].address(), "hosts = [\"a.test\"]")
        .app("b", apps[1].address(), "hosts = [\"b.test\"]")
        .start();
    let mut wire = proxy.connect();
    wire.send(request("GET", "a.test", "http://b.test/x", ""));
    assert_eq!(Message::read_response(&mut wire, "GET").text(), "b");
}

#[test]
fn no_app_is_a_plain_404_with_a_reason() {
    let app = HttpApp::named("app");
    let lines = "hosts = [\"a.test\"]\npath = \"/tool\"";
    let proxy = Setup::new().app("demo", app.address(), lines).start();
    for (host, target) in [("b.test", "/tool"), ("a.test", "/"), ("a.test", "/toolbox")] {
        let answer = proxy.get(host, target);
        answer.assert_own(404);
        let kind = answer.head.get("content-type").unwrap_or_default();
        assert!(kind.starts_with("text/plain"), "{answer:?}");
        assert!(!answer.text().trim().is_empty(), "the body says what is wrong");
    }
    assert_eq!(app.requests().len(), 0);
    assert_eq!(proxy.get("a.test", "/tool").text(), "app");
}

/// RFC 9112 section 3.2.4: about the server, not about one of its paths.
#[test]
fn options_for_all_of_a_host_reaches_its_app() {
    let apps = ["root", "path"].map(HttpApp::named);
    let proxy = Setup::new()
        .app("root", apps[0].address(), "hosts = [\"a.test\"]")
        .app("path", apps[1].address(), "hosts = [\"a.test\", \"b.test\"]\npath = \"/path\"")
        .start();
    let ask = |method, host| {
        let mut wire = proxy.connect();
        wire.send(request(method, host, "*", ""));
        Message::read_response(&mut wire, method)
    };
    assert_eq!(ask("OPTIONS", "a.test").text(), "root");
    assert_eq!((apps[0].last().head.method(), apps[0].last().head.target()), ("OPTIONS", "*"));
    ask("OPTIONS", "b.test").assert_own(404);
    ask("GET", "a.test").assert_own(400);
}
