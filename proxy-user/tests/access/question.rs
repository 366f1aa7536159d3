//! What the authentication service is asked, and what the app is told of its answer.

use crate::harness::app::{App, HttpApp};
use crate::harness::frame::Frame;
use crate::harness::http::{Head, Message, request};
use crate::harness::session::{self, upgrade};
use crate::scene::{asks, get, names, service, setup};

const TRUSTED: &str = "forward_auth_headers = [\"X-User\", \"Remote-Groups\"]\n";

#[test]
fn it_is_a_get_about_the_request() {
    let (app, auth) = (HttpApp::named("app"), service("204 No Content\r\n"));
    let proxy = setup(app.address(), &asks(auth.address())).start();
    let mut wire = proxy.connect();
    let fields = "Cookie: s=1; t=2\r\nAuthorization: Bearer t\r\nAccept: text/html\r\n\
                  X-Api-Key: k\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\
                  Connection: X-Hop\r\nX-Hop: 1\r\nIf-None-Match: \"x\"\r\nRange: bytes=0-1\r\n\
                  X-Forwarded-Method: GET\r\nX-Forwarded-Uri: /public\r\n\
                  X-Original-URL: http://a.test/public\r\nX-Forwarded-For: 203.0.113.9\r\n";
    wire.send(request("DELETE", "a.test:81", "/a%20b?c=d&e", fields));
    wire.send("3\r\nabc\r\n0\r\n\r\n");
    assert_eq!(Message::read_response(&mut wire, "DELETE").text(), "app");
    let asked = auth.last();
    let head = &asked.head;
    assert_eq!((head.method(), head.target(), asked.body.len()), ("GET", "/verify?x=1", 0));
    for (name, value) in [
        ("host", &*auth.address().to_string()),
        ("x-forwarded-method", "DELETE"),
        ("x-forwarded-uri", "/a%20b?c=d&e"),
        ("x-forwarded-host", "a.test:81"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-for", "127.0.0.1"),
        ("cookie", "s=1; t=2"),
        ("authorization", "Bearer t"),
        ("accept", "text/html"),
        ("x-api-key", "k"),
    ] {
        assert_eq!(head.get(name), Some(value), "{head:?}");
    }
    for name in [
        "content-length",
        "content-type",
        "transfer-encoding",
        "connection",
        "x-hop",
        "if-none-match",
        "range",
        "x-original-url",
    ] {
        assert_eq!(head.get(name), None, "{head:?}");
    }
    // The app gets the whole request all the same.
    let told = app.last();
    assert_eq!((told.head.method(), &*told.body), ("DELETE", &b"abc"[..]));
    assert_eq!(told.head.get("authorization"), Some("Bearer t"));
    assert_eq!(told.head.get("if-none-match"), Some("\"x\""));
}

/// A trusted proxy passes on what clients write into these fields, but routes and rules go by the host that was asked.
#[test]
fn it_is_asked_about_the_host_and_the_client_that_count() {
    let (app, auth) = (HttpApp::named("app"), service("200 OK\r\n"));
    let trusted = "trusted_proxies = [\"127.0.0.0/8\"]";
    let proxy = setup(app.address(), &asks(auth.address())).key(trusted).start();
    let fields = "Connection: close\r\nX-Forwarded-Host: public.test\r\nX-Real-IP: 6.6.6.6\r\n\
                  Forwarded: for=6.6.6.6;host=public.test\r\nX-Forwarded-Proto: https\r\n\
                  X-Forwarded-For: 6.6.6.6, 203.0.113.9, 127.0.0.2\r\n";
    let mut wire = proxy.connect();
    wire.send(request("GET", "Admin.Test.:81", "/", fields));
    assert_eq!(Message::read_response(&mut wire, "GET").status(), 200);
    let head = auth.last().head;
    for (name, value) in [
        ("x-forwarded-host", "admin.test:81"),
        ("x-forwarded-for", "203.0.113.9, 127.0.0.2, 127.0.0.1"),
        ("x-real-ip", "203.0.113.9"),
        ("x-forwarded-proto", "https"),
    ] {
        assert_eq!(head.all(name), [value], "{head:?}");
    }
    assert_eq!(head.get("forwarded"), None);
    // The app is told all of it, as without the service.
    assert_eq!(app.last().head.get("x-forwarded-host"), Some("public.test"));
    // Nobody knows who this is.
    let unknown = get(&proxy, "X-Forwarded-For: 203.0.113.9, unknown\r\n");
    assert_eq!(unknown.assert_own(403), "not-allowed");
    assert_eq!((auth.requests().len(), app.requests().len()), (1, 1));
}

/// CGI and WSGI take all of these for the fields with hyphens.
#[test]
fn look_alikes_of_what_it_is_told_do_not_pass() {
    let (app, auth) = (HttpApp::named("app"), service("200 OK\r\n"));
    let proxy = setup(app.address(), &asks(auth.address())).start();
    let forged = "X.Forwarded.Uri: /forged\r\nX!Forwarded!For: forged\r\nX_Forwarded_Host: forged\r\n\
                  X~Real~Ip: forged\r\nX|Ebbtide|Reason: forged\r\nX.Private: kept\r\n";
    assert_eq!(get(&proxy, forged).status(), 200);
    for head in [auth.last().head, app.last().head] {
        assert!(!format!("{:?}", head.fields).contains("forged"), "{head:?}");
        assert_eq!(head.get("x.private"), Some("kept"));
    }
}

#[test]
fn the_app_is_told_who_it_is_by_the_service_alone() {
    let app = HttpApp::named("app");
    let auth =
        service("200 OK\r\nX-User: ann\r\nRemote-Groups: a\r\nRemote-Groups: b\r\nX-Other: 1\r\n");
    let lines = format!("{}{TRUSTED}", asks(auth.address()));
    let proxy = setup(app.address(), &lines).start();
    let forged = "X-User: root\r\nx-user: root\r\nX_User: root\r\nX.USER: root\r\nX-user: root\r\n\
                  Remote_Groups: admins\r\nX-User-Name: kept\r\n";
    assert_eq!(get(&proxy, forged).status(), 200);
    let told = app.last().head;
    assert_eq!(told.get("x-user"), Some("ann"));
    assert_eq!(told.all("remote-groups"), ["a", "b"]);
    assert_eq!(told.get("x-user-name"), Some("kept"));
    assert_eq!(told.get("x-other"), None);
    // The service might believe them as well.
    for head in [&told, &auth.last().head] {
        let all = format!("{:?}", head.fields);
        assert!(!all.contains("root") && !all.contains("admins"), "{all}");
    }
}

/// A field that `Connection` names is dropped by proxies, but not one that comes from the service.
#[test]
fn a_client_cannot_take_the_service_s_word_away() {
    let app = HttpApp::named("app");
    let auth = service("200 OK\r\nX-User: ann\r\n");
    let proxy = setup(app.address(), &format!("{}{TRUSTED}", asks(auth.address()))).start();
    let mut wire = proxy.connect();
    wire.send(request(
        "GET",
        "a.test",
        "/",
        "Connection: close, X-User, Cookie\r\nCookie: a=b\r\n",
    ));
    assert_eq!(Message::read_response(&mut wire, "GET").status(), 200);
    assert_eq!(app.last().head.get("x-user"), Some("ann"));
}

#[test]
fn what_the_service_does_not_say_nobody_says() {
    let (app, auth) = (HttpApp::named("app"), service("200 OK\r\n"));
    let proxy = setup(app.address(), &format!("{}{TRUSTED}", asks(auth.address()))).start();
    assert_eq!(get(&proxy, "X-User: root\r\nRemote_Groups: admins\r\n").status(), 200);
    let all = names(&app.last().head);
    assert!(!all.iter().any(|name| name.contains("user") || name.contains("groups")), "{all:?}");
}

#[test]
fn a_service_may_give_the_app_an_authorization_of_its_own() {
    let app = HttpApp::named("app");
    let auth = service("200 OK\r\nAuthorization: Bearer inner\r\n");
    let lines = format!("{}forward_auth_headers = \"Authorization\"\n", asks(auth.address()));
    let proxy = setup(app.address(), &lines).start();
    assert_eq!(get(&proxy, "Authorization: Bearer outer\r\n").status(), 200);
    assert_eq!(auth.last().head.get("authorization"), Some("Bearer outer"));
    assert_eq!(app.last().head.get("authorization"), Some("Bearer inner"));
}

#[test]
fn a_handshake_is_asked_about_like_a_request() {
    let app = App::listen();
    let auth = service("200 OK\r\nX-User: ann\r\nSet-Cookie: seen=1\r\n");
    let proxy = setup(app.address(), &format!("{}{TRUSTED}", asks(auth.address()))).start();
    let mut client = proxy.connect();
    let fields = "Cookie: s=1\r\nX-User: root\r\nSec-WebSocket-Protocol: p\r\n";
    client.send(upgrade("a.test", "/socket?a", fields));
    let mut server = app.accept();
    let told = Head::read(&mut server);
    assert_eq!(told.get("x-user"), Some("ann"), "{told:?}");
    assert_eq!(told.tokens("upgrade"), ["websocket"]);
    server.send(session::consent("Set-Cookie: app=1\r\n"));
    let answer = Message::read_response(&mut client, "GET");
    assert_eq!(answer.status(), 101);
    assert_eq!(answer.head.all("set-cookie"), ["app=1", "seen=1"]);
    let mut client = session::Peer::new(client, session::Role::Client);
    client.send(&Frame::text("hello"));
    session::Peer::new(server, session::Role::App).expect(&Frame::text("hello"));
    let asked = auth.last().head;
    assert_eq!(asked.get("x-forwarded-uri"), Some("/socket?a"));
    assert_eq!(asked.get("cookie"), Some("s=1"));
    assert_eq!(asked.get("sec-websocket-protocol"), Some("p"));
    for name in ["upgrade", "connection", "sec-websocket-key", "sec-websocket-version"] {
        assert_eq!(asked.get(name), None, "{asked:?}");
    }
}
