//! Interim answers (RFC 9110 section 15.2): a proxy passes them on, as they come.

use crate::harness::app::App;
use crate::harness::http::{Head, Message, ok, request};
use crate::harness::session::{consent, upgrade};
use crate::harness::setup::Setup;

const HINTS: &str = "HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\
                     Connection: X-Hop\r\nX-Hop: 1\r\nX-Ebbtide-Reason: x\r\n\r\n";

fn assert_hints(head: &Head) {
    assert_eq!(head.start, "HTTP/1.1 103 Early Hints");
    assert_eq!(head.get("link"), Some("</style.css>; rel=preload"));
    assert_eq!(head.fields.len(), 1, "{head:?}");
}

#[test]
fn early_hints_arrive_before_the_app_answers() {
    let app = App::listen();
    let proxy = Setup::demo(app.address()).start();
    let mut client = proxy.connect();
    let mut server = None;
    for round in 0..3 {
        client.send(request("GET", "a.test", "/page", ""));
        let server = server.get_or_insert_with(|| app.accept());
        Head::read(server);
        for _ in 0..2 {
            server.send(HINTS);
            assert_hints(&Head::read(&mut client));
        }
        server.send("HTTP/1.1 102 Processing\r\n\r\n");
        assert_eq!(Head::read(&mut client).start, "HTTP/1.1 102 Processing");
        server.send(ok("page"));
        assert_eq!(Message::read_response(&mut client, "GET").text(), "page", "round {round}");
    }
}

#[test]
fn early_hints_and_the_answer_in_one_segment_keep_their_order() {
    let app = App::listen();
    let proxy = Setup::demo(app.address()).start();
    let mut client = proxy.connect();
    // The second request is there before the first is answered.
    client.send(request("GET", "a.test", "/1", "").repeat(2));
    let mut server = app.accept();
    for body in ["first", "second"] {
        Head::read(&mut server);
        server.send([HINTS.as_bytes(), HINTS.as_bytes(), &ok(body)].concat());
    }
    for body in ["first", "second"] {
        assert_hints(&Head::read(&mut client));
        assert_hints(&Head::read(&mut client));
        assert_eq!(Message::read_response(&mut client, "GET").text(), body);
    }
}

#[test]
fn a_handshake_may_have_early_hints_too() {
    let app = App::listen();
    let proxy = Setup::demo(app.address()).start();
    let mut client = proxy.connect();
    client.send(upgrade("a.test", "/", ""));
    let mut server = app.accept();
    Head::read(&mut server);
    server.send(HINTS);
    assert_hints(&Head::read(&mut client));
    server.send(consent(""));
    assert_eq!(Head::read(&mut client).status(), 101);
}

/// RFC 9110 section 15.2: HTTP/1.0 knows no interim answers.
#[test]
fn a_client_of_http_1_0_gets_the_final_answer_alone() {
    let app = App::listen();
    let proxy = Setup::demo(app.address()).start();
    let mut client = proxy.connect();
    client.send("GET / HTTP/1.0\r\nHost: a.test\r\n\r\n");
    let mut server = app.accept();
    Head::read(&mut server);
    server.send(HINTS);
    server.send(ok("page"));
    assert_eq!(Head::read(&mut client).status(), 200);
}

/// What waits for a client that does not read is bounded.
#[test]
fn a_flood_of_early_hints_is_not_kept_for_a_client_that_takes_none() {
    let app = App::listen();
    let proxy = Setup::demo(app.address()).start();
    let mut client = proxy.connect_narrow(4096);
    client.send(request("GET", "a.test", "/", ""));
    let mut server = app.accept();
    Head::read(&mut server);
    let before = proxy.resident_bytes();
    let many = HINTS.repeat(1000);
    let floods = 16 * 1024 * 1024 / many.len();
    (0..floods).for_each(|_| server.send(&many));
    server.send(ok("at last"));
    assert_eq!(Message::read_response(&mut client, "GET").text(), "at last");
    let grown = proxy.resident_bytes().saturating_sub(before);
    assert!(grown < 8 * 1024 * 1024, "{grown} bytes");
}
