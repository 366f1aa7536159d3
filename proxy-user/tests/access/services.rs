//! oauth2-proxy, Authelia and authentik, as they document their answers. The configurations are those of
//! docs/access.md.

use crate::harness::app::HttpApp;
use crate::harness::http::{Head, Message};
use crate::harness::proxy::Proxy;
use crate::scene::{answer, ask, setup};

const BROWSER: &str = "Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\n";

fn url(auth: &HttpApp, path: &str, headers: &str) -> String {
    format!(
        "forward_auth = \"http://{}{path}\"\nforward_auth_headers = [{headers}]\n",
        auth.address()
    )
}

/// The URL that the browser asked for, as a service puts it together.
fn original(head: &Head) -> String {
    let field = |name| head.get(name).unwrap_or_else(|| panic!("no {name}: {head:?}"));
    let (proto, host) = (field("x-forwarded-proto"), field("x-forwarded-host"));
    format!("{proto}://{host}{}", field("x-forwarded-uri"))
}

fn opened(proxy: &Proxy, target: &str, cookie: &str) -> Message {
    ask(proxy, "GET", target, &format!("{BROWSER}{cookie}"))
}

/// With `--upstream=static://202 --reverse-proxy --set-xauthrequest`: a session gets 202 and says who it is;
/// without one, browsers are sent to sign in (302 with `--skip-provider-button`) and come back to
/// `X-Forwarded-Uri`; `/oauth2/auth` answers 401 instead.
#[test]
fn oauth2_proxy() {
    let app = HttpApp::named("app");
    let auth = HttpApp::start(|asked| {
        let head = &asked.head;
        let signed_in = head.get("cookie").is_some_and(|cookie| cookie.contains("_oauth2_proxy="));
        match (signed_in, head.target()) {
            (true, "/") => answer(
                "202 Accepted\r\nX-Auth-Request-User: 1234\r\nX-Auth-Request-Email: ann@example.com\r\n\
                 X-Auth-Request-Preferred-Username: ann\r\nContent-Type: text/plain\r\n",
                "Authenticated",
            ),
            (false, "/") => {
                let to = original(head);
                answer(
                    &format!(
                        "302 Found\r\nLocation: https://sso.test/authorize?state=n:{to}\r\n\
                         Set-Cookie: _oauth2_proxy_csrf=x; Path=/; HttpOnly\r\nCache-Control: no-cache\r\n"
                    ),
                    "",
                )
            }
            (_, path) => panic!("{path} is not asked"),
        }
    });
    let names = "\"X-Auth-Request-User\", \"X-Auth-Request-Email\"";
    let proxy = setup(app.address(), &url(&auth, "/", names)).start();
    let login = opened(&proxy, "/report?day=1", "");
    assert_eq!(login.status(), 302);
    let to = "https://sso.test/authorize?state=n:http://a.test/report?day=1";
    assert_eq!(login.head.get("location"), Some(to));
    assert_eq!(login.head.get("set-cookie"), Some("_oauth2_proxy_csrf=x; Path=/; HttpOnly"));
    let page = opened(
        &proxy,
        "/report?day=1",
        "Cookie: _oauth2_proxy=s\r\nX_Auth_Request_Email: root\r\n",
    );
    assert_eq!(page.text(), "app");
    let told = app.last().head;
    assert_eq!(told.get("x-auth-request-user"), Some("1234"));
    assert_eq!(told.get("x-auth-request-email"), Some("ann@example.com"));
    assert_eq!(told.get("x-auth-request-preferred-username"), None, "it is not in the list");
    assert!(!format!("{:?}", told.fields).contains("root"));
}

/// `/api/authz/forward-auth`: 200 with `Remote-*`; without a session a browser is sent to the portal (302),
/// other programs get 401; who may not see it gets 403.
#[test]
fn authelia() {
    let app = HttpApp::named("app");
    let auth = HttpApp::start(|asked| {
        let head = &asked.head;
        assert_eq!(head.target(), "/api/authz/forward-auth");
        let method = head.get("x-forwarded-method").unwrap();
        let html = head.get("accept").is_some_and(|accept| accept.contains("text/html"));
        let wants_page = html && head.get("x-requested-with").is_none();
        let uri = head.get("x-forwarded-uri").unwrap();
        match head.get("cookie") {
            Some("authelia_session=s") if uri.starts_with("/admin") => {
                answer("403 Forbidden\r\n", "403 Forbidden")
            }
            Some("authelia_session=s") => answer(
                "200 OK\r\nRemote-User: ann\r\nRemote-Groups: admins,dev\r\nRemote-Name: Ann\r\n\
                 Remote-Email: ann@example.com\r\nSet-Cookie: authelia_session=s; HttpOnly; Secure\r\n",
                "200 OK",
            ),
            _ if wants_page => {
                let (to, code) =
                    (original(head), if method == "GET" { "302 Found" } else { "303 See Other" });
                answer(
                    &format!("{code}\r\nLocation: https://auth.test/?rd={to}&rm={method}\r\n"),
                    "302 Found",
                )
            }
            _ => answer("401 Unauthorized\r\n", "401 Unauthorized"),
        }
    });
    let names = "\"Remote-User\", \"Remote-Groups\", \"Remote-Name\", \"Remote-Email\"";
    let proxy = setup(app.address(), &url(&auth, "/api/authz/forward-auth", names)).start();
    let portal = opened(&proxy, "/a", "");
    assert_eq!(portal.status(), 302);
    assert_eq!(portal.head.get("location"), Some("https://auth.test/?rd=http://a.test/a&rm=GET"));
    assert_eq!(ask(&proxy, "POST", "/a", BROWSER).status(), 303);
    assert_eq!(ask(&proxy, "GET", "/a", "").status(), 401);
    let script = format!("{BROWSER}X-Requested-With: XMLHttpRequest\r\n");
    assert_eq!(ask(&proxy, "GET", "/a", &script).status(), 401);
    let cookie = "Cookie: authelia_session=s\r\n";
    assert_eq!(opened(&proxy, "/admin/x", cookie).status(), 403);
    let page = opened(&proxy, "/a", cookie);
    assert_eq!(page.text(), "app");
    assert_eq!(page.head.get("set-cookie"), Some("authelia_session=s; HttpOnly; Secure"));
    let told = app.last().head;
    assert_eq!(told.get("remote-user"), Some("ann"));
    assert_eq!(told.get("remote-groups"), Some("admins,dev"));
}

/// `/outpost.goauthentik.io/auth/traefik`: 200 with `X-authentik-*`, or 302 to its own `start`, which is a path
/// of the app's host and must reach the outpost without being asked about.
#[test]
fn authentik() {
    let app = HttpApp::named("app");
    let auth = HttpApp::start(|asked| {
        let head = &asked.head;
        match (head.target(), head.get("cookie")) {
            ("/outpost.goauthentik.io/auth/traefik", Some("authentik_proxy_x=s")) => answer(
                "200 OK\r\nX-authentik-username: ann\r\nX-authentik-groups: admins|dev\r\n\
                 X-authentik-email: ann@example.com\r\nX-authentik-uid: 7\r\n",
                "",
            ),
            ("/outpost.goauthentik.io/auth/traefik", _) => {
                let to = original(head);
                let location = format!(
                    "http://{}/outpost.goauthentik.io/start?rd={to}",
                    head.get("x-forwarded-host").unwrap()
                );
                answer(
                    &format!(
                        "302 Found\r\nLocation: {location}\r\nSet-Cookie: authentik_proxy_x=new; HttpOnly\r\n"
                    ),
                    "",
                )
            }
            (target, _) => answer("200 OK\r\n", target),
        }
    });
    let names = "\"X-authentik-username\", \"X-authentik-groups\", \"X-authentik-email\"";
    let lines = url(&auth, "/outpost.goauthentik.io/auth/traefik", names);
    let outpost = "path = \"/outpost.goauthentik.io\"\n[app.access]\nforward_auth = \"off\"";
    let proxy = crate::harness::setup::Setup::new()
        .section(&format!("[access]\n{lines}"))
        .app("demo", app.address(), "")
        .app("outpost", auth.address(), outpost)
        .start();
    let start = opened(&proxy, "/a", "");
    assert_eq!(start.status(), 302);
    let location = "http://a.test/outpost.goauthentik.io/start?rd=http://a.test/a";
    assert_eq!(start.head.get("location"), Some(location));
    assert_eq!(start.head.get("set-cookie"), Some("authentik_proxy_x=new; HttpOnly"));
    let outpost = opened(&proxy, "/outpost.goauthentik.io/start?rd=x", "");
    assert_eq!(
        outpost.text(),
        "/outpost.goauthentik.io/start?rd=x",
        "it is not asked about itself"
    );
    assert_eq!(opened(&proxy, "/a", "Cookie: authentik_proxy_x=s\r\n").text(), "app");
    assert_eq!(app.last().head.get("x-authentik-username"), Some("ann"));
}
