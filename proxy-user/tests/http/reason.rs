//! `X-Ebbtide-Reason` says that Ebbtide answered by itself: no app's answer may carry it.

use crate::harness::app::App;
use crate::harness::http::{Head, Message, request};
use crate::harness::session::{consent, upgrade};
use crate::harness::setup::Setup;

const CLAIM: &str = "X-Ebbtide-Reason: full\r\nX-Kept: yes\r\n";

#[test]
fn an_app_s_own_reason_is_taken_off() {
    let app = App::listen();
    let proxy = Setup::demo(app.address()).start();
    let refusal = format!("HTTP/1.1 503 Full\r\n{CLAIM}Content-Length: 0\r\n\r\n");
    for (asked, answered) in [
        (request("GET", "a.test", "/", ""), refusal.clone()),
        (upgrade("a.test", "/", ""), refusal),
        (upgrade("a.test", "/", ""), consent(CLAIM)),
    ] {
        let mut client = proxy.connect();
        client.send(&asked);
        let mut server = app.accept();
        Head::read(&mut server);
        server.send(&answered);
        let head = Message::read_response(&mut client, "GET").head;
        assert_eq!(head.get("x-ebbtide-reason"), None, "{asked:?}: {head:?}");
        assert_eq!(head.get("x-kept"), Some("yes"), "{asked:?}: {head:?}");
    }
}
