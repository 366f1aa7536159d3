//! What the app is told about its client: `X-Forwarded-*`, `Forwarded` (RFC 7239) and `Host`.
//! A client's own claims count only when the client is a trusted proxy.

use crate::harness::app::HttpApp;
use crate::harness::http::{Head, Message, request};
use crate::harness::proxy::Proxy;
use crate::harness::setup::Setup;

const CLAIMS: &str = "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\n\
                      X-Forwarded-Host: public.test\r\n\
                      Forwarded: for=203.0.113.9;proto=https;host=public.test\r\n";

/// Further names that apps believe.
const OTHER_CLAIMS: [(&str, &str); 3] = [
    ("X-Forwarded-Prefix", "/claimed"),
    ("X-Forwarded-Port", "4443"),
    ("X-Real-IP", "203.0.113.9"),
];

/// An underscore is a hyphen to CGI and WSGI.
const LOOK_ALIKES: &str = "X_Forwarded_For: 203.0.113.9\r\nX-Forwarded_Proto: https\r\n\
                           X_Real_IP: 203.0.113.9\r\nX_Ebbtide_Reason: x\r\nContent_Length: 7\r\n\
                           Transfer_Encoding: chunked\r\nX_Kept: yes\r\n";

fn other_claims() -> String {
    OTHER_CLAIMS.map(|(name, value)| format!("{name}: {value}\r\n")).concat()
}

fn asked(proxy: &Proxy, app: &HttpApp, host: &str, fields: &str) -> Head {
    let mut wire = proxy.connect();
    wire.send(request("GET", host, "/", fields));
    assert_eq!(Message::read_response(&mut wire, "GET").status(), 200);
    app.last().head
}

/// The parameters of all elements of `Forwarded`, without quotes, in lower case.
fn forwarded(head: &Head) -> Vec<String> {
    let all = head.tokens("forwarded").join(";").replace('"', "");
    all.split(';').map(|p| p.trim().to_owned()).collect()
}

#[test]
fn the_client_is_named_to_the_app() {
    let app = HttpApp::named("app");
    let proxy = Setup::demo(app.address()).start();
    let head = asked(&proxy, &app, "a.test:8080", "");
    assert_eq!(head.get("host"), Some("a.test:8080"), "Host is kept");
    assert_eq!(head.get("x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(head.get("x-forwarded-proto"), Some("http"));
    assert_eq!(head.get("x-forwarded-host"), Some("a.test:8080"));
    let forwarded = forwarded(&head);
    for part in ["for=127.0.0.1", "proto=http", "host=a.test:8080"] {
        assert!(forwarded.iter().any(|p| p == part), "{part} not in {forwarded:?}");
    }
}

#[test]
fn a_stranger_s_claims_are_replaced() {
    let app = HttpApp::named("app");
    let proxy = Setup::demo(app.address()).key("trusted_proxies = [\"10.0.0.0/8\"]").start();
    let head = asked(&proxy, &app, "a.test", CLAIMS);
    assert_eq!(head.get("x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(head.get("x-forwarded-proto"), Some("http"));
    assert_eq!(head.get("x-forwarded-host"), Some("a.test"));
    let all = format!("{:?}", head.fields);
    assert!(!all.contains("203.0.113.9") && !all.contains("public.test"), "{all}");
}

#[test]
fn a_trusted_proxy_s_claims_are_believed_and_extended() {
    let app = HttpApp::named("app");
    let proxy = Setup::demo(app.address()).key("trusted_proxies = [\"127.0.0.0/8\"]").start();
    let head = asked(&proxy, &app, "a.test", CLAIMS);
    assert_eq!(head.tokens("x-forwarded-for"), ["203.0.113.9", "127.0.0.1"]);
    assert_eq!(head.get("x-forwarded-proto"), Some("https"));
    assert_eq!(head.get("x-forwarded-host"), Some("public.test"));
    assert_eq!(head.get("host"), Some("a.test"));
    let forwarded = forwarded(&head);
    for part in ["for=203.0.113.9", "for=127.0.0.1", "proto=https", "host=public.test"] {
        assert!(forwarded.iter().any(|p| p == part), "{part} not in {forwarded:?}");
    }
}

#[test]
fn a_trusted_proxy_that_claims_nothing_is_treated_like_a_client() {
    let app = HttpApp::named("app");
    let proxy = Setup::demo(app.address()).key("trusted_proxies = [\"127.0.0.1/32\"]").start();
    let head = asked(&proxy, &app, "a.test", "");
    assert_eq!(head.get("x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(head.get("x-forwarded-proto"), Some("http"));
}

#[test]
fn a_stranger_s_other_claims_do_not_reach_the_app() {
    let app = HttpApp::named("app");
    let proxy = Setup::demo(app.address()).start();
    let head = asked(&proxy, &app, "a.test", &other_claims());
    for (name, _) in OTHER_CLAIMS {
        assert_eq!(head.get(name), None, "{name} reached the app: {head:?}");
    }
}

#[test]
fn a_trusted_proxy_s_other_claims_reach_the_app() {
    let app = HttpApp::named("app");
    let proxy = Setup::demo(app.address()).key("trusted_proxies = [\"127.0.0.0/8\"]").start();
    let head = asked(&proxy, &app, "a.test", &other_claims());
    for (name, value) in OTHER_CLAIMS {
        assert_eq!(head.get(name), Some(value), "{name}: {head:?}");
    }
}

#[test]
fn nobody_is_trusted_with_names_that_only_look_like_ours() {
    let app = HttpApp::named("app");
    for trusted in ["", "127.0.0.0/8"] {
        let networks = if trusted.is_empty() { Vec::new() } else { vec![trusted] };
        let proxy =
            Setup::demo(app.address()).key(&format!("trusted_proxies = {networks:?}")).start();
        let head = asked(&proxy, &app, "a.test", LOOK_ALIKES);
        let odd: Vec<_> = head.fields.iter().filter(|(name, _)| name.contains('_')).collect();
        assert_eq!(odd.len(), 1, "trusted: {trusted:?}: {odd:?}");
        assert_eq!(head.get("x_kept"), Some("yes"));
        assert_eq!(head.get("x-forwarded-for"), Some("127.0.0.1"));
    }
}
