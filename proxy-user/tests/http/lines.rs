//! How many header lines a message may have, and how an app may write them.

use crate::harness::app::{App, HttpApp};
use crate::harness::http::{Head, Message, ok, request};
use crate::harness::session::upgrade;
use crate::harness::setup::Setup;

/// So many lines, each with a name of its own.
fn lines(count: usize) -> String {
    (0..count).map(|number| format!("X-Line-{number}: {number}\r\n")).collect()
}

/// An answer with so many lines.
fn answer(count: usize) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n{}\r\nok", lines(count - 1))
}

#[test]
fn as_many_lines_as_are_allowed_pass_both_ways() {
    for (setting, allowed) in [("", 256), ("[limits]\nheaders = 40", 40)] {
        let app = App::listen();
        let proxy = Setup::demo(app.address()).section(setting).start();
        let mut client = proxy.connect();
        client.send(request("GET", "a.test", "/", &lines(allowed - 1)));
        let mut server = app.accept();
        let asked = Head::read(&mut server);
        assert_eq!(asked.all(&format!("x-line-{}", allowed - 2)).len(), 1);
        server.send(answer(allowed));
        let head = Message::read_response(&mut client, "GET").head;
        assert_eq!(head.all(&format!("x-line-{}", allowed - 2)).len(), 1);
    }
}

#[test]
fn a_request_with_more_lines_is_a_431() {
    for (setting, allowed) in [("", 256), ("[limits]\nheaders = 40", 40)] {
        let app = HttpApp::named("app");
        let proxy = Setup::demo(app.address()).section(setting).start();
        let mut client = proxy.connect();
        client.send(request("GET", "a.test", "/", &lines(allowed)));
        let answer = Message::read_response(&mut client, "GET");
        assert_eq!(answer.assert_own(431), "head-too-big");
        assert!(answer.text().contains("lines"), "{}", answer.text());
        assert_eq!(app.requests().len(), 0);
    }
}

#[test]
fn an_answer_with_more_lines_is_a_502_that_says_so() {
    let app = App::listen();
    let proxy = Setup::demo(app.address()).start();
    for asked in [request("GET", "a.test", "/", ""), upgrade("a.test", "/", "")] {
        let mut client = proxy.connect();
        client.send(&asked);
        let mut server = app.accept();
        Head::read(&mut server);
        server.send(answer(257));
        let refusal = Message::read_response(&mut client, "GET");
        assert_eq!(refusal.assert_own(502), "app-invalid", "it was not asked again");
        assert!(refusal.text().contains("header lines"), "{}", refusal.text());
    }
    let losses =
        proxy.metrics().count("ebbtide_app_losses_total", &[("app", "demo"), ("reason", "broken")]);
    assert_eq!(losses, 2);
}

/// RFC 9112 section 5.1: a proxy takes it out of an answer, and refuses it in a request.
#[test]
fn a_space_before_an_app_s_colon_is_taken_out() {
    let app = HttpApp::start(|request| match request.head.target() {
        "/plain" => ok("plain"),
        _ => b"HTTP/1.1 200 OK\r\nContent-Length : 2\r\nX-Odd\t : odd\r\n\r\nok".to_vec(),
    });
    let proxy = Setup::demo(app.address()).start();
    let mut client = proxy.connect();
    for target in ["/", "/plain", "/"] {
        client.send(request("GET", "a.test", target, ""));
        let answer = Message::read_response(&mut client, "GET");
        let odd = if target == "/" { Some("odd") } else { None };
        assert_eq!((answer.status(), answer.head.get("x-odd")), (200, odd));
    }
}
