//! The WebSocket upgrade, byte for byte: what passes, what is refused, and who gets a seat.

mod harness;

use std::net::TcpListener;

use harness::app::App;
use harness::frame::Frame;
use harness::http::{Head, Message, ok, request};
use harness::session::{Peer, Role, consent, open, open_with, upgrade};
use harness::setup::Setup;
use harness::wait::eventually;
use harness::wire::Wire;

#[test]
fn the_handshake_passes_and_frames_flow_both_ways() {
    let app = App::listen();
    let proxy = Setup::demo(app.address()).start();
    let (mut client, mut server) = open(&proxy, &app);
    client.send(&Frame::text("ping of a person"));
    server.expect(&Frame::text("ping of a person"));
    server.send(&Frame::binary([0, 1, 2]));
    client.expect(&Frame::binary([0, 1, 2]));
}

#[test]
fn upgrade_is_found_in_a_list_of_connection_tokens() {
    let app = App::listen();
    let proxy = Setup::demo(app.address()).start();
    for connection in
        ["keep-alive, Upgrade", "upgrade,keep-alive", "keep-alive\r\nConnection: UPGRADE"]
    {
        let mut client = proxy.connect();
        let asked =
            upgrade("a.test", "/", "").replacen("Upgrade\r\n", &format!("{connection}\r\n"), 1);
        client.send(&asked);
        let mut server = app.accept();
        let head = Head::read(&mut server);
        assert!(head.tokens("connection").contains(&"upgrade".to_owned()), "{asked}: {head:?}");
        assert_eq!(head.tokens("upgrade"), ["websocket"]);
        assert_eq!(head.get("sec-websocket-version"), Some("13"));
        let answer = consent("").replace("Connection: Upgrade", "Connection: keep-alive, upgrade");
        server.send(answer);
        let head = Head::read(&mut client);
        assert_eq!(head.status(), 101);
        assert!(head.tokens("connection").contains(&"upgrade".to_owned()), "{head:?}");
        assert_eq!(head.tokens("upgrade"), ["websocket"]);
    }
}

#[test]
fn path_origin_cookies_and_forwarding_fields_reach_the_app() {
    let app = App::listen();
    let proxy = Setup::demo(app.address()).start();
    let mut client = proxy.connect();
    let fields = "Origin: http://a.test\r\nCookie: s=1\r\nAuthorization: Basic eDp5\r\n";
    client.send(upgrade("a.test", "/_stcore/stream?x=1", fields));
    let head = Head::read(&mut app.accept());
    assert_eq!(head.target(), "/_stcore/stream?x=1");
    for (name, value) in [
        ("host", "a.test"),
        ("origin", "http://a.test"),
        ("cookie", "s=1"),
        ("authorization", "Basic eDp5"),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-host", "a.test"),
    ] {
        assert_eq!(head.get(name), Some(value), "{name}");
    }
}

#[test]
fn subprotocol_and_extension_fields_pass_through() {
    let app = App::listen();
    let proxy = Setup::demo(app.address()).start();
    let asked = "Sec-WebSocket-Protocol: streamlit, v2.json\r\n\
                 Sec-WebSocket-Extensions: x-custom; mode=1\r\n";
    let mut client = proxy.connect();
    client.send(upgrade("a.test", "/", asked));
    let mut server = app.accept();
    let head = Head::read(&mut server);
    assert_eq!(head.get("sec-websocket-protocol"), Some("streamlit, v2.json"));
    assert_eq!(head.get("sec-websocket-extensions"), Some("x-custom; mode=1"));
    let agreed = "Sec-WebSocket-Protocol: streamlit\r\nSec-WebSocket-Extensions: x-custom; mode=1\r\n\
                  Set-Cookie: s=2\r\n";
    server.send(consent(agreed));
    let head = Head::read(&mut client);
    assert_eq!(head.get("sec-websocket-protocol"), Some("streamlit"));
    assert_eq!(head.get("sec-websocket-extensions"), Some("x-custom; mode=1"));
    assert_eq!(head.get("set-cookie"), Some("s=2"));
}

/// The version is the hop's own (RFC 9110 section 2.5); browsers refuse a 101 of HTTP/1.0.
#[test]
fn an_http_1_0_consent_goes_out_as_http_1_1() {
    let app = App::listen();
    let proxy = Setup::demo(app.address()).start();
    let mut client = proxy.connect();
    client.send(upgrade("a.test", "/", ""));
    let mut server = app.accept();
    Head::read(&mut server);
    server.send(consent("").replace("HTTP/1.1", "HTTP/1.0"));
    assert_eq!(Head::read(&mut client).start, "HTTP/1.1 101 Switching Protocols");
}

#[test]
fn the_app_s_refusal_is_relayed_whole() {
    let app = App::listen();
    let proxy = Setup::demo(app.address()).start();
    let mut client = proxy.connect();
    client.send(upgrade("a.test", "/", ""));
    let mut server = app.accept();
    Head::read(&mut server);
    server.send("HTTP/1.1 403 Forbidden\r\nX-Why: origin\r\nContent-Length: 6\r\n\r\nnot me");
    let answer = Message::read_response(&mut client, "GET");
    assert_eq!((answer.status(), answer.text()), (403, "not me"));
    assert_eq!(answer.head.get("x-why"), Some("origin"));
    assert_eq!(answer.head.get("x-ebbtide-reason"), None);
    proxy.await_sessions(0);
}

#[test]
fn a_switch_that_nobody_asked_for_is_not_believed() {
    let app = App::listen();
    let proxy = Setup::demo(app.address()).start();
    let mut client = proxy.connect();
    client.send(request("GET", "a.test", "/", ""));
    let mut server = app.accept();
    Head::read(&mut server);
    server.send(consent(""));
    Message::read_response(&mut client, "GET").assert_own(502);
}

#[test]
fn an_app_that_cannot_be_reached_is_a_502() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = closed.local_addr().unwrap();
    drop(closed);
    let proxy = Setup::demo(address).start();
    let mut client = proxy.connect();
    client.send(upgrade("a.test", "/", ""));
    Message::read_response(&mut client, "GET").assert_own(502);
    proxy.await_sessions(0);
}

#[test]
fn frames_in_the_same_segment_as_the_101_are_kept() {
    let app = App::listen();
    let proxy = Setup::demo(app.address()).start();
    let mut wire = proxy.connect();
    wire.send(upgrade("a.test", "/", ""));
    let mut server = app.accept();
    Head::read(&mut server);
    let mut bytes = consent("").into_bytes();
    let half = Frame::text("in two halves").encode();
    bytes.extend(Frame::text("early").encode());
    bytes.extend(&half[..5]);
    server.send(bytes);
    server.send(&half[5..]);
    assert_eq!(Head::read(&mut wire).status(), 101);
    let mut client = Peer::new(wire, Role::Client);
    client.expect(&Frame::text("early"));
    client.expect(&Frame::text("in two halves"));
}

#[test]
fn client_bytes_sent_before_the_101_are_kept() {
    let app = App::listen();
    let proxy = Setup::demo(app.address()).start();
    let mut wire = proxy.connect();
    let early = Frame::text("too eager").masked([1, 2, 3, 4]).encode();
    let mut bytes = upgrade("a.test", "/", "").into_bytes();
    bytes.extend(&early);
    wire.send(bytes);
    let mut server = app.accept();
    Head::read(&mut server);
    wire.send(Frame::text("second").masked([5, 6, 7, 8]).encode());
    server.send(consent(""));
    assert_eq!(Head::read(&mut wire).status(), 101);
    let mut server = Peer::new(server, Role::App);
    server.expect(&Frame::text("too eager"));
    server.expect(&Frame::text("second"));
}

#[test]
fn everything_sent_one_byte_at_a_time_arrives() {
    let app = App::listen();
    let proxy = Setup::demo(app.address()).start();
    let mut wire = proxy.connect();
    wire.dribble(upgrade("a.test", "/", "").as_bytes());
    let mut server = app.accept();
    Head::read(&mut server);
    server.dribble(consent("").as_bytes());
    assert_eq!(Head::read(&mut wire).status(), 101);
    let (mut client, mut server) = (Peer::new(wire, Role::Client), Peer::new(server, Role::App));
    for frame in [Frame::text("small"), Frame::binary([7; 200]), Frame::ping("p")] {
        let bytes = client.encode(&frame);
        client.wire.dribble(&bytes);
        server.expect(&frame);
        server.wire.dribble(&frame.encode());
        client.expect(&frame);
    }
}

fn ask(proxy: &harness::proxy::Proxy) -> Wire {
    let mut client = proxy.connect();
    client.send(upgrade("a.test", "/", ""));
    client
}

#[test]
fn a_taken_seat_is_refused_and_a_freed_one_given_again() {
    let app = App::listen();
    let proxy = Setup::new().app("demo", app.address(), "max_sessions = 1").start();
    let (client, server) = open(&proxy, &app);
    let refused = Message::read_response(&mut ask(&proxy), "GET");
    refused.assert_own(503);
    let retry = refused.head.get("retry-after").and_then(|v| v.parse::<u32>().ok());
    assert!(retry.is_some(), "Retry-After in seconds: {refused:?}");
    // A seat is a session's: plain requests need none.
    let mut plain = proxy.connect();
    plain.send(request("GET", "a.test", "/", ""));
    let mut page = app.accept();
    Head::read(&mut page);
    page.send(ok("page"));
    assert_eq!(Message::read_response(&mut plain, "GET").text(), "page");
    drop((page, client, server));
    proxy.await_sessions(0);
    open(&proxy, &app);
}

#[test]
fn a_refused_upgrade_gives_its_seat_back() {
    let app = App::listen();
    let proxy = Setup::new().app("demo", app.address(), "max_sessions = 1").start();
    for answer in ["HTTP/1.1 403 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", ""] {
        let mut client = ask(&proxy);
        let mut server = app.accept();
        Head::read(&mut server);
        server.send(answer);
        drop(server);
        let status = Message::read_response(&mut client, "GET").status();
        assert_eq!(status, if answer.is_empty() { 502 } else { 403 });
    }
    // A client that leaves before the app answers holds no seat either.
    let client = ask(&proxy);
    Head::read(&mut app.accept());
    client.reset();
    eventually("the seat is free again", || {
        let mut client = ask(&proxy);
        let mut server = app.accept_within(std::time::Duration::from_millis(500))?;
        Head::read(&mut server);
        server.send(consent(""));
        (Head::read(&mut client).status() == 101).then_some(())
    });
}

#[test]
fn seats_are_never_given_twice_in_a_race() {
    const SEATS: usize = 5;
    let app = App::listen();
    let lines = format!("max_sessions = {SEATS}");
    let proxy = Setup::new().app("demo", app.address(), &lines).start();
    let barrier = std::sync::Barrier::new(24);
    let answers: Vec<(u16, Wire)> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..24)
            .map(|_| {
                scope.spawn(|| {
                    let mut client = proxy.connect();
                    barrier.wait();
                    client.send(upgrade("a.test", "/", ""));
                    (Head::read(&mut client).status(), client)
                })
            })
            .collect();
        let mut servers = Vec::new();
        for _ in 0..SEATS {
            let mut server = app.accept();
            Head::read(&mut server);
            server.send(consent(""));
            servers.push(server);
        }
        let answers = clients.into_iter().map(|c| c.join().unwrap()).collect();
        drop(servers);
        answers
    });
    let granted = answers.iter().filter(|(status, _)| *status == 101).count();
    let refused = answers.iter().filter(|(status, _)| *status == 503).count();
    assert_eq!((granted, refused), (SEATS, 24 - SEATS));
}

#[test]
fn the_limit_of_the_whole_process_counts_all_apps() {
    let apps = [App::listen(), App::listen()];
    let proxy = Setup::new()
        .app("a", apps[0].address(), "hosts = [\"demo.test\"]")
        .app("b", apps[1].address(), "hosts = [\"b.test\"]")
        .section("[limits]\nsessions = 1")
        .start();
    let first = open(&proxy, &apps[0]);
    let mut client = proxy.connect();
    client.send(upgrade("b.test", "/", ""));
    Message::read_response(&mut client, "GET").assert_own(503);
    drop(first);
    proxy.await_sessions(0);
    open_with(&proxy, &apps[0], "", "");
}
