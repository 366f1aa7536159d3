//! Who may use the admin address: pages of other sites may not, by whatever name they reach it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops and says why")]

mod harness;

use harness::app::App;
use harness::http::{Message, request};
use harness::proxy::Proxy;
use harness::scratch::Scratch;
use harness::session::open;
use harness::setup::Setup;

/// One request by this name; `fields` are whole lines.
fn ask(proxy: &Proxy, method: &str, host: &str, target: &str, fields: &str) -> u16 {
    let mut wire = proxy.connect_admin();
    wire.send(request(method, host, target, &format!("Connection: close\r\n{fields}")));
    Message::read_response(&mut wire, method).status()
}

/// The target of the only session.
fn session(proxy: &Proxy) -> String {
    proxy.await_sessions(1);
    format!("/api/sessions/{}", proxy.sessions()[0]["id"])
}

#[test]
fn a_name_that_was_made_to_resolve_here_is_refused() {
    let app = App::listen();
    let proxy = Setup::demo(app.address()).key("admin_hosts = [\"ebbtide.internal\"]").start();
    let _session = open(&proxy, &app);
    let session = session(&proxy);
    let port = proxy.admin_address().port();
    let evil = format!("evil.example:{port}");
    for target in ["/", "/api/apps", "/api/apps/demo", "/api/sessions", "/api/events", "/no/such"] {
        assert_eq!(ask(&proxy, "GET", &evil, target, ""), 403, "{target}");
    }
    // The page's own origin is what it was rebound to.
    let own = format!("Origin: http://{evil}\r\nSec-Fetch-Site: same-origin\r\n");
    assert_eq!(ask(&proxy, "DELETE", &evil, &session, &own), 403);
    assert_eq!(proxy.sessions().len(), 1, "the session lives on");
    for host in ["10.0.0.1", "0.0.0.0", "localhost.evil.example", "x.ebbtide.internal", ""] {
        assert_eq!(ask(&proxy, "GET", host, "/api/apps", ""), 403, "{host}");
    }
    let mut wire = proxy.connect_admin();
    wire.send("GET /api/apps HTTP/1.0\r\n\r\n");
    assert_eq!(Message::read_response(&mut wire, "GET").status(), 403, "no Host");
    for target in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(ask(&proxy, "GET", &evil, target, ""), 200, "{target}");
    }
    for host in ["localhost", "LOCALHOST:80", "demo.localhost", "127.0.0.1", "[::1]:9090"] {
        assert_eq!(ask(&proxy, "GET", host, "/api/apps", ""), 200, "{host}");
    }
    for host in ["ebbtide.internal", "Ebbtide.Internal.:443", &proxy.admin_address().to_string()] {
        assert_eq!(ask(&proxy, "GET", host, "/api/apps", ""), 200, "{host}");
    }
}

#[test]
fn what_another_site_asks_for_has_no_effect() {
    let (app, scratch) = (App::listen(), Scratch::new());
    let token = scratch.file("token", "s3cret\n").display().to_string();
    let open_proxy = Setup::demo(app.address()).start();
    let asks = Setup::demo(app.address()).key(&format!("admin_token_file = {token:?}")).start();
    let known = "Authorization: Bearer s3cret\r\n";
    for (proxy, authorization) in [(&open_proxy, ""), (&asks, known)] {
        let host = proxy.admin_address().to_string();
        let own = format!("Origin: http://{host}\r\n");
        let target = "/api/sessions/99";
        for foreign in [
            "Sec-Fetch-Site: cross-site\r\n",
            "Sec-Fetch-Site: same-site\r\n",
            "Origin: http://evil.example\r\n",
            "Origin: http://127.0.0.1:1\r\n",
            "Origin: null\r\n",
        ] {
            let fields = format!("{authorization}{foreign}");
            assert_eq!(ask(proxy, "DELETE", &host, target, &fields), 403, "{fields}");
        }
        for own in ["", "Sec-Fetch-Site: same-origin\r\n", "Sec-Fetch-Site: none\r\n", &own] {
            let fields = format!("{authorization}{own}");
            assert_eq!(ask(proxy, "DELETE", &host, target, &fields), 404, "{fields}");
        }
        // To look has no effect, and a link from elsewhere is followed this way.
        let link = format!("{authorization}Sec-Fetch-Site: cross-site\r\n");
        assert_eq!(ask(proxy, "GET", &host, "/api/apps", &link), 200);
    }
}

#[test]
fn with_a_token_the_name_does_not_matter() {
    let (app, scratch) = (App::listen(), Scratch::new());
    let token = scratch.file("token", "s3cret\n").display().to_string();
    let proxy = Setup::demo(app.address()).key(&format!("admin_token_file = {token:?}")).start();
    let by = |fields: &str, target: &str| ask(&proxy, "GET", "pod-7.example", target, fields);
    for scheme in ["Bearer", "bearer", "token", "Token"] {
        let field = format!("Authorization: {scheme} s3cret\r\n");
        assert_eq!(by(&field, "/api/apps"), 200, "{scheme}");
    }
    for wrong in ["token s3cre", "token", "tokens3cret", "Basic s3cret", "Token Bearer s3cret"] {
        let field = format!("Authorization: {wrong}\r\n");
        assert_eq!(by(&field, "/api/apps"), 401, "{wrong}");
    }
    for target in ["/api/apps", "/metrics", "/no/such"] {
        assert_eq!(by("", target), 401, "{target}");
    }
    for target in ["/healthz", "/readyz"] {
        assert_eq!(by("", target), 200, "{target}");
    }
}
