//! `request_headers` and `response_headers`.

use crate::harness::app::{App, HttpApp};
use crate::harness::frame::Frame;
use crate::harness::http::{Head, Message, request};
use crate::harness::session::{Peer, Role, consent, upgrade};
use crate::harness::setup::Setup;

const LINES: &str = "request_headers = { X-Env = \"prod\", X-Debug = false, Authorization = \"Bearer s3cret\" }\n\
                     response_headers = { Server = false, X-Frame-Options = \"DENY\" }";

const ASKED: &str = "X-Env: test\r\nx-env: test\r\nX_Env: test\r\nX-Debug: 1\r\nX_debug: 2\r\n\
                     Authorization: Basic eA==\r\nX-Kept: yes\r\n";

fn assert_changed(head: &Head) {
    assert_eq!(head.all("x-env"), ["prod"]);
    assert_eq!(head.get("authorization"), Some("Bearer s3cret"));
    assert_eq!(head.get("x-kept"), Some("yes"));
    for removed in ["x_env", "x-debug", "x_debug"] {
        assert_eq!(head.get(removed), None, "{removed}");
    }
}

#[test]
fn requests_and_answers_are_changed_last() {
    let app = HttpApp::start(|_| {
        b"HTTP/1.1 200 OK\r\nServer: app\r\nX-Frame-Options: ALLOWALL\r\nX_Frame_Options: x\r\n\
          X-Kept: yes\r\nContent-Length: 2\r\n\r\nok"
            .to_vec()
    });
    let proxy = Setup::new().app("demo", app.address(), LINES).start();
    let mut wire = proxy.connect();
    for method in ["GET", "HEAD", "GET"] {
        wire.send(request(method, "a.test", "/", ASKED));
        let answer = Message::read_response(&mut wire, method);
        assert_changed(&app.last().head);
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.head.all("x-frame-options"), ["DENY"]);
        assert_eq!(answer.head.get("x-kept"), Some("yes"));
        for removed in ["server", "x_frame_options"] {
            assert_eq!(answer.head.get(removed), None, "{removed}");
        }
    }
}

#[test]
fn a_handshake_and_its_answer_are_changed_too() {
    let app = App::listen();
    let proxy = Setup::new().app("demo", app.address(), LINES).start();
    let mut client = proxy.connect();
    client.send(upgrade("a.test", "/", ASKED));
    let mut server = app.accept();
    assert_changed(&Head::read(&mut server));
    server.send(consent("Server: app\r\nX-Frame-Options: ALLOWALL\r\n"));
    let answer = Message::read_response(&mut client, "GET");
    assert_eq!((answer.status(), answer.head.get("server")), (101, None));
    assert_eq!(answer.head.all("x-frame-options"), ["DENY"]);
    let (frame, mut server) = (Frame::text("hello"), Peer::new(server, Role::App));
    server.send(&frame);
    Peer::new(client, Role::Client).expect(&frame);
}
