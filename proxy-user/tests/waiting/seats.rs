//! Who waits for a seat, and who gets it (`max_sessions`).

use crate::harness::app::{App, Served};
use crate::harness::http::{Message, ok, request};
use crate::harness::proxy::Proxy;
use crate::harness::session::{consent, upgrade};
use crate::harness::setup::Setup;
use crate::harness::wait::eventually;
use crate::harness::wire::Wire;
use crate::scene::Events;

/// An app of one seat.
struct Scene {
    proxy: Proxy,
    _app: Served,
}

impl Scene {
    fn new() -> Scene {
        let app = App::listen().serve(|mut wire| {
            while !wire.held().is_empty() || matches!(wire.fill(), Ok(1..)) {
                let request = Message::read_request(&mut wire);
                let is_handshake = request.head.get("upgrade").is_some();
                let answer = if is_handshake { consent("").into_bytes() } else { ok("page") };
                if wire.try_send(answer).is_err() || is_handshake {
                    // Until the session is over.
                    let _ = wire.rest();
                    return;
                }
            }
        });
        let proxy = Setup::new().app("demo", app.address, "max_sessions = 1").start();
        Scene { proxy, _app: app }
    }

    /// A handshake that is let in.
    fn sit(&self, browser: &Browser) -> Wire {
        let (wire, status) = self.shake(browser);
        assert_eq!(status, 101);
        wire
    }

    fn shake(&self, browser: &Browser) -> (Wire, u16) {
        let mut wire = self.proxy.connect();
        wire.send(upgrade("demo", "/socket", &browser.fields()));
        let status = Message::read_response(&mut wire, "GET").status();
        (wire, status)
    }

    fn visit(&self, browser: &mut Browser, target: &str) -> Message {
        let mut wire = self.proxy.connect();
        let fields = format!("Connection: close\r\nAccept: text/html\r\n{}", browser.fields());
        wire.send(request("GET", "demo", target, &fields));
        let answer = Message::read_response(&mut wire, "GET");
        if let Some(cookie) = answer.head.get("set-cookie")
            && browser.takes_cookies
        {
            assert!(cookie.ends_with("Path=/; Max-Age=86400; HttpOnly; SameSite=Lax"), "{cookie}");
            browser.cookie = cookie.split(';').next().map(str::to_owned);
        }
        answer
    }

    fn listen(&self, browser: &Browser) -> Events {
        Events::open(&self.proxy, &browser.fields())
    }

    /// Opens the page, which waits with so many before it.
    fn wait(&self, browser: &mut Browser, ahead: usize) -> Events {
        let page = self.visit(browser, "/");
        assert_eq!(page.assert_own(503), "full");
        let words = match ahead {
            0 => "You are next.".to_owned(),
            1 => "1 person before you.".to_owned(),
            more => format!("{more} people before you."),
        };
        assert!(page.text().contains(&format!("<p id=\"place\">{words}</p>")), "{}", page.text());
        assert_eq!(page.head.get("cache-control"), Some("no-store"));
        assert_eq!(page.head.get("retry-after"), Some("10"));
        let mut events = self.listen(browser);
        assert_eq!(told(&mut events), ("full".to_owned(), Some(ahead as u64)));
        events
    }
}

#[derive(Debug)]
struct Browser {
    takes_cookies: bool,
    cookie: Option<String>,
}

impl Browser {
    fn new() -> Browser {
        Browser { takes_cookies: true, cookie: None }
    }

    fn fields(&self) -> String {
        self.cookie.iter().map(|cookie| format!("Cookie: a=b; {cookie}\r\n")).collect()
    }
}

/// The state and how many wait before the page.
fn told(events: &mut Events) -> (String, Option<u64>) {
    let event = events.next().unwrap();
    (event["state"].as_str().unwrap().to_owned(), event["ahead"].as_u64())
}

fn assert_called(events: &mut Events) {
    assert_eq!(told(events), ("running".to_owned(), None));
    assert!(events.next().is_none(), "there is nothing more to tell");
}

#[test]
fn who_came_first_comes_in_first() {
    let scene = Scene::new();
    let (mut ann, mut bob, mut cat) = (Browser::new(), Browser::new(), Browser::new());
    let sitting = scene.sit(&Browser::new());
    let mut for_ann = scene.wait(&mut ann, 0);
    let mut for_bob = scene.wait(&mut bob, 1);
    drop(sitting);
    assert_called(&mut for_ann);
    assert_eq!(told(&mut for_bob), ("full".to_owned(), Some(0)));
    // Neither who comes later nor who is next takes the seat.
    let mut for_cat = scene.wait(&mut cat, 1);
    assert_eq!(scene.shake(&cat).1, 503);
    assert_eq!(scene.shake(&bob).1, 503);
    assert_eq!(scene.visit(&mut bob, "/").assert_own(503), "full");
    assert_eq!(scene.visit(&mut ann, "/").text(), "page");
    let sitting = scene.sit(&ann);
    assert_eq!(scene.shake(&bob).1, 503);
    drop(sitting);
    assert_called(&mut for_bob);
    assert_eq!(told(&mut for_cat), ("full".to_owned(), Some(0)));
    assert_eq!(scene.visit(&mut bob, "/").text(), "page");
    drop(scene.sit(&bob));
    assert_called(&mut for_cat);
}

#[test]
fn who_closes_the_tab_is_passed_over_at_once() {
    let scene = Scene::new();
    let (mut ann, mut bob) = (Browser::new(), Browser::new());
    let sitting = scene.sit(&Browser::new());
    let for_ann = scene.wait(&mut ann, 0);
    let mut for_bob = scene.wait(&mut bob, 1);
    assert!(for_ann.close());
    assert_eq!(told(&mut for_bob), ("full".to_owned(), Some(0)));
    drop(sitting);
    assert_called(&mut for_bob);
    assert_eq!(scene.visit(&mut bob, "/").text(), "page");
}

#[test]
fn a_page_without_scripts_waits_too() {
    let scene = Scene::new();
    let mut ann = Browser::new();
    let sitting = scene.sit(&Browser::new());
    assert_eq!(scene.visit(&mut ann, "/a").assert_own(503), "full");
    let refresh = "/.ebbtide/wait?n=1&to=/a";
    let page = scene.visit(&mut ann, refresh);
    assert_eq!(page.assert_own(503), "full");
    assert!(page.text().contains("You are next.") && page.text().contains("wait?n=2&amp;to="));
    drop(sitting);
    eventually("it is let in", || {
        let answer = scene.visit(&mut ann, refresh);
        (answer.status() == 303).then(|| assert_eq!(answer.head.get("location"), Some("/a")))
    });
    assert_eq!(scene.shake(&Browser::new()).1, 503);
    assert_eq!(scene.visit(&mut ann, "/a").text(), "page");
    scene.sit(&ann);
}

#[test]
fn a_browser_without_cookies_is_known_by_its_address() {
    let scene = Scene::new();
    let mut ann = Browser { takes_cookies: false, cookie: None };
    let sitting = scene.sit(&Browser::new());
    let mut for_ann = scene.wait(&mut ann, 0);
    drop(sitting);
    assert_called(&mut for_ann);
    assert_eq!(scene.visit(&mut ann, "/").text(), "page");
    scene.sit(&ann);
}

#[test]
fn who_loads_the_page_again_keeps_the_seat() {
    let scene = Scene::new();
    let (mut ann, mut bob) = (Browser::new(), Browser::new());
    let first = scene.sit(&Browser::new());
    let mut for_ann = scene.wait(&mut ann, 0);
    drop(first);
    assert_called(&mut for_ann);
    let sitting = scene.sit(&ann);
    let mut for_bob = scene.wait(&mut bob, 0);
    // The browser opens the new page before it closes the old one's connections.
    let mut again = scene.wait(&mut ann, 1);
    drop(sitting);
    assert_called(&mut again);
    let sitting = scene.sit(&ann);
    drop(sitting);
    assert_called(&mut for_bob);
}

#[test]
fn more_seats_let_more_in() {
    let scene = Scene::new();
    let mut ann = Browser::new();
    let _sitting = scene.sit(&Browser::new());
    let mut for_ann = scene.wait(&mut ann, 0);
    let more = Setup::new().app("demo", scene._app.address, "max_sessions = 2");
    scene.proxy.reconfigure(&more);
    assert_called(&mut for_ann);
    scene.sit(&ann);
}

/// A script or a monitor that looks at the progress opens no session.
#[test]
fn who_only_asks_holds_no_seat_and_no_place() {
    let scene = Scene::new();
    let ask = |method: &str, accept: &str| {
        let mut wire = scene.proxy.connect();
        let fields = format!("Connection: close\r\nAccept: {accept}\r\n");
        wire.send(request(method, "demo", "/.ebbtide/wait?n=1&to=/", &fields));
        Message::read_response(&mut wire, method)
    };
    let ways =
        [("GET", "application/json"), ("GET", "*/*"), ("GET", "text/html"), ("HEAD", "text/html")];
    for (method, accept) in ways {
        let status = if accept == "application/json" { 200 } else { 303 };
        // The session before may not have ended yet.
        eventually("there is a seat", || {
            let answer = ask(method, accept);
            (answer.status() == status && !answer.text().contains("\"full\"")).then_some(())
        });
        // Not for the one who has asked.
        let cookie = format!("ebbtide-seat={:032x}", 1);
        drop(scene.sit(&Browser { takes_cookies: true, cookie: Some(cookie) }));
    }
    let _sitting = eventually("the last session has ended", || {
        let (wire, status) = scene.shake(&Browser::new());
        (status == 101).then_some(wire)
    });
    for (method, accept) in ways {
        let answer = ask(method, accept);
        match accept {
            "application/json" => assert!(answer.text().contains("\"ahead\":0"), "{answer:?}"),
            _ => assert_eq!(answer.assert_own(503), "full"),
        }
    }
    scene.wait(&mut Browser::new(), 0);
}
