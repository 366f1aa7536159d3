//! `[[app.answer]]`.

use crate::harness::app::HttpApp;
use crate::harness::http::{Message, request};
use crate::harness::proxy::Proxy;
use crate::harness::setup::Setup;

const ANSWERS: &str = "path = \"/\"\n\
     [[app.answer]]\npath = \"^/healthz$\"\nbody = \"ok\"\n\
     [[app.answer]]\nuser_agent = \"kube-probe\"\nmethod = \"GET\"\nstatus = 503\n\
     body = \"{}\"\ncontent_type = \"application/json\"\n";

fn ask(proxy: &Proxy, method: &str, target: &str, fields: &str) -> Message {
    let mut wire = proxy.connect();
    let fields = format!("Connection: close\r\n{fields}");
    wire.send(request(method, "demo", target, &fields));
    Message::read_response(&mut wire, method)
}

#[test]
fn the_first_answer_that_fits_is_given() {
    let app = HttpApp::named("the app");
    let proxy = Setup::new().app("demo", app.address(), ANSWERS).start();
    let health = ask(&proxy, "GET", "/healthz?deep", "User-Agent: kube-probe/1.30\r\n");
    assert_eq!(health.assert_own(200), "answer");
    assert_eq!(health.text(), "ok");
    assert_eq!(health.head.get("content-type"), Some("text/plain; charset=utf-8"));
    let probe = ask(&proxy, "GET", "/any", "User-Agent: kube-probe/1.30\r\n");
    assert_eq!(probe.assert_own(503), "answer");
    assert_eq!(probe.text(), "{}");
    assert_eq!(probe.head.get("content-type"), Some("application/json"));
    let head = ask(&proxy, "HEAD", "/healthz", "");
    assert_eq!((head.assert_own(200), head.head.get("content-length")), ("answer", Some("2")));
    assert!(app.requests().is_empty());
    assert_eq!(proxy.metrics().count("ebbtide_activity_total", &[("reason", "request")]), 0);
    for (method, target, fields) in [
        ("POST", "/any", "User-Agent: kube-probe/1.30\r\nContent-Length: 0\r\n"),
        ("GET", "/healthz/deep", ""),
    ] {
        assert_eq!(ask(&proxy, method, target, fields).text(), "the app");
    }
}

#[test]
fn no_answer_starts_an_app() {
    let driver = format!("{ANSWERS}[app.driver]\nkind = \"process\"\ncommand = [\"false\"]\n");
    let app = HttpApp::named("the app");
    let proxy = Setup::new().app("demo", app.address(), &driver).start();
    assert_eq!(ask(&proxy, "GET", "/healthz", "Accept: text/html\r\n").assert_own(200), "answer");
    let state = proxy.admin("/api/apps/demo", "");
    assert!(state.text().contains("\"suspended\""), "{}", state.text());
}
