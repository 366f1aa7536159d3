//! `[access]` for all apps, `[app.access]` for one, and several conditions at once.

use crate::harness::app::HttpApp;
use crate::harness::http::{Message, request};
use crate::harness::proxy::Proxy;
use crate::harness::setup::Setup;
use crate::harness::wait::eventually;
use crate::passwords::users;
use crate::scene::{ANN, BOB, PASSWORD, SECRET, ask, asks, get, service, setup};

fn at(proxy: &Proxy, host: &str, fields: &str) -> Message {
    let mut wire = proxy.connect();
    wire.send(request("GET", host, "/", &format!("Connection: close\r\n{fields}")));
    Message::read_response(&mut wire, "GET")
}

#[test]
fn an_app_s_keys_stand_in_place_of_those_for_all() {
    let app = HttpApp::named("app");
    let (_ann, ann) = users(&format!("ann:{SECRET}\n"));
    let (_bob, bob) = users(&format!("bob:{PASSWORD}\n"));
    let hosts = |name: &str, lines: &str| format!("hosts = [\"{name}.test\"]\n{lines}");
    let of = |name: &str, lines: &str| hosts(name, &format!("[app.access]\n{lines}"));
    let proxy = Setup::new()
        .section(&format!("[access]\nallow = \"127.0.0.0/8\"\n{ann}"))
        .app("plain", app.address(), &hosts("plain", ""))
        .app("other", app.address(), &of("other", &bob))
        .app("far", app.address(), &of("far", "allow = \"10.0.0.0/8\"\n"))
        .app("open", app.address(), &of("open", "users_file = \"off\"\n"))
        .start();
    for (host, fields, status) in [
        ("plain.test", "", 401),
        ("plain.test", ANN, 200),
        ("plain.test", BOB, 401),
        ("other.test", ANN, 401),
        ("other.test", BOB, 200),
        ("far.test", ANN, 403),
        ("open.test", "", 200),
    ] {
        assert_eq!(at(&proxy, host, fields).status(), status, "{host} {fields}");
    }
}

#[test]
fn a_request_must_pass_all_of_them() {
    let (app, auth) = (HttpApp::named("app"), service("200 OK\r\nX-User: ann\r\n"));
    let (_ann, ann) = users(&format!("ann:{SECRET}\n"));
    let asks = asks(auth.address());
    let proxy = setup(app.address(), &format!("{asks}{ann}allow = \"10.0.0.0/8\"\n")).start();
    assert_eq!(get(&proxy, ANN).assert_own(403), "not-allowed");
    let proxy = setup(app.address(), &format!("{asks}{ann}allow = \"127.0.0.0/8\"\n")).start();
    assert_eq!(get(&proxy, "").assert_own(401), "unauthorized");
    assert!(auth.requests().is_empty(), "nobody is asked about who may not pass anyway");
    assert_eq!(get(&proxy, ANN).status(), 200);
    // The password is known to nobody else.
    for told in [app.last(), auth.last()] {
        assert_eq!(told.head.get("authorization"), None);
    }
}

#[test]
fn own_answers_come_before_access_and_own_paths_after_it() {
    let (app, auth) = (HttpApp::named("app"), service("401 Unauthorized\r\n"));
    let lines = format!(
        "[[app.answer]]\npath = \"^/healthz$\"\nbody = \"ok\"\n[app.access]\n{}",
        asks(auth.address())
    );
    let proxy = Setup::new().app("demo", app.address(), &lines).start();
    assert_eq!(ask(&proxy, "GET", "/healthz", "").text(), "ok");
    assert!(auth.requests().is_empty());
    for target in ["/.ebbtide/wait", "/.ebbtide/nothing"] {
        assert_eq!(ask(&proxy, "GET", target, "").status(), 401, "{target}");
    }
    assert_eq!(auth.requests().len(), 2);
    // Operators are no clients.
    assert_eq!(proxy.admin("/api/apps", "").status(), 200);
    assert_eq!(auth.requests().len(), 2);
}

/// A service that is reached through the same access would be asked about its own questions for ever.
#[test]
fn a_circle_of_questions_is_found_out() {
    let app = HttpApp::named("app");
    let first = Setup::demo(app.address()).start();
    let second = Setup::demo(first.address()).start();
    assert_eq!(get(&second, "").text(), "app");
    first.reconfigure(&setup(app.address(), &asks(second.address())));
    let seen = app.requests().len();
    eventually("it asks itself", || (get(&first, "").status() == 508).then_some(()));
    let before = app.requests().len();
    assert_eq!(get(&first, "").status(), 508);
    assert!(app.requests().len() == before && before >= seen);
}

/// An app with access of its own below a path, and ways to its path that only look like another one.
#[test]
fn another_spelling_of_a_path_is_no_way_round() {
    let app = HttpApp::named("app");
    let access = "[app.access]\nallow = \"10.0.0.0/8\"\n";
    let proxy = Setup::new()
        .app("open", app.address(), "")
        .app("admin", app.address(), &format!("path = \"/admin\"\n{access}"))
        .app("public", app.address(), "path = \"/admin/public\"\n")
        .start();
    assert_eq!(ask(&proxy, "GET", "/admin/x", "").status(), 403);
    assert_eq!(ask(&proxy, "GET", "/%61dmin/x", "").status(), 403);
    for round in [
        "/x/../admin",
        "/./admin/x",
        "/admin/public/../x",
        "/admin/public/%2e%2e/x",
        "/admin/public/..%2fx",
        "/admin/public/..%5cx",
        "/admin/public/..\\x",
        "/admin/public/..;a=b/x",
        "//admin/x",
        "/x/..//admin",
        "/admin;a=b/x",
        "/admin%2fx",
        // What separates segments decides how far dots climb.
        "/pub%2fx/../admin/delete",
        "/pub\\x/../admin/delete",
        "/pub;/x/../../admin",
        "/x/../admin/..%2fpublic",
        "/admin/public/a%2fb/../../x",
        "/a/../b",
        "/admin/public/x/../y",
        // Some stop at a NUL or a question mark, or decode twice.
        "/admin%00",
        "/admin%3fx",
        "/admin/public/%00",
        "/pub/%252e%252e/admin",
        "/%2561dmin",
        "//%61dmin/public",
        // One that knows `//`, but not that `\` separates.
        "//admin/public%5cx",
    ] {
        assert_eq!(ask(&proxy, "GET", round, "").assert_own(400), "bad-request", "{round}");
    }
    assert!(app.requests().is_empty());
    for same in ["/a%2Fb", "/a//b", "/100%25", "/admin/public/a%20b;c", "/admin/public//a%2Fb"] {
        let answer = ask(&proxy, "GET", same, "");
        assert_eq!(answer.status(), 200, "{same}: {answer:?}");
        assert_eq!(app.last().head.target(), same, "it is passed on as it is");
    }
}

/// Where all apps have the same access, no path leads past it.
#[test]
fn with_equal_access_paths_are_the_apps_own_business() {
    let app = HttpApp::named("app");
    let proxy = Setup::new()
        .section("[access]\nallow = \"127.0.0.0/8\"\n")
        .app("one", app.address(), "")
        .app("two", app.address(), "path = \"/two\"\n")
        .app("far", app.address(), "hosts = [\"far.test\"]\n[app.access]\nallow = \"off\"\n")
        .start();
    for path in ["/a/../two", "/two/%2e%2e/a", "/a%00", "/%252e%252e", "/a%2f../two"] {
        assert_eq!(ask(&proxy, "GET", path, "").status(), 200, "{path}");
        assert_eq!(app.last().head.target(), path);
    }
}

#[test]
fn a_service_is_asked_about_what_the_app_understands() {
    let (app, auth) = (HttpApp::named("app"), service("200 OK\r\n"));
    let proxy = setup(app.address(), &asks(auth.address())).start();
    for odd in [
        "/public/../admin",
        "/public/%2e%2e/admin",
        "/public/..%2fadmin",
        "/.",
        "/a/./b",
        "/a%00",
        "/a/%252e%252e/b",
    ] {
        assert_eq!(ask(&proxy, "GET", odd, "").assert_own(400), "bad-request", "{odd}");
    }
    assert!(auth.requests().is_empty() && app.requests().is_empty());
    for plain in ["/a%2Fb", "/.hidden", "/a..b", "/?to=../x"] {
        assert_eq!(ask(&proxy, "GET", plain, "").status(), 200, "{plain}");
    }
}
