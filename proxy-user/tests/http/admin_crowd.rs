//! Connections to the admin address that are kept, many of them.

use crate::harness::app::HttpApp;
use crate::harness::http::{Message, request};
use crate::harness::setup::Setup;

/// More than the process may have descriptors.
const CROWD: usize = 400;

#[test]
fn kept_admin_connections_leave_room_for_users_and_for_each_other() {
    let app = HttpApp::named("app");
    let setup = Setup::demo(app.address());
    let limit = "ulimit -n 256 && exec \"$0\" \"$@\"";
    let proxy = setup.wrapper(&["sh", "-c", limit]).start();
    let mut kept = Vec::new();
    for number in 0..CROWD {
        let mut wire = proxy.connect_admin();
        wire.send(request("GET", "localhost", "/healthz", ""));
        let answer = Message::read_response(&mut wire, "GET");
        assert_eq!((answer.status(), answer.text()), (200, "ok\n"), "number {number}");
        kept.push(wire);
    }
    // As many users at once as the limit has room for, beside all that is kept.
    let mut users: Vec<_> = (0..40).map(|_| proxy.connect()).collect();
    for user in &mut users {
        user.send(request("GET", "a.test", "/", ""));
        assert_eq!(Message::read_response(user, "GET").text(), "app");
    }
    assert_eq!(proxy.admin("/healthz", "").status(), 200);
}

/// Whoever has connected and said nothing is idle, too.
#[test]
fn admin_connections_that_say_nothing_give_way() {
    let app = HttpApp::named("app");
    let proxy = Setup::demo(app.address()).start();
    let silent: Vec<_> = (0..100).map(|_| proxy.connect_admin()).collect();
    assert_eq!(proxy.admin("/healthz", "").status(), 200);
    drop(silent);
}
