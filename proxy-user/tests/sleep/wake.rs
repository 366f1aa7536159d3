//! Whoever comes to an app that does not run.

use std::thread;
use std::time::Duration;

use crate::harness::http::{Message, request};
use crate::harness::session::upgrade;
use crate::harness::wait::{eventually, pause};
use crate::scene::{Notes, OPENS, await_state, get, setup};

#[test]
fn all_who_wait_are_answered_by_one_start() {
    let notes = Notes::new();
    let proxy = setup(&notes.command(1.0), "wake = \"hold\"", "").start();
    assert_eq!(notes.starts(), 0, "nobody has come yet");
    let upload = vec![b'x'; 64 << 20];
    thread::scope(|scope| {
        let plain: Vec<_> = (0..20)
            .map(|n| {
                scope.spawn({
                    let proxy = &proxy;
                    move || get(proxy, &format!("/{n}"), "")
                })
            })
            .collect();
        let opened = scope.spawn(|| get(&proxy, "/page", OPENS));
        let posted = scope.spawn(|| {
            let mut wire = proxy.connect();
            let length = format!("Content-Length: {}\r\n", upload.len());
            wire.send(request("POST", "a.test", "/upload", &length));
            wire.send(&upload);
            Message::read_response(&mut wire, "POST")
        });
        let shaken = scope.spawn(|| {
            let mut wire = proxy.connect();
            wire.send(upgrade("a.test", "/socket", ""));
            Message::read_response(&mut wire, "GET")
        });
        for answer in plain {
            let answer = answer.join().unwrap();
            assert_eq!(answer.status(), 200, "{answer:?}");
            let waited: f64 = answer.head.get("x-ebbtide-wake").unwrap().parse().unwrap();
            assert!(waited > 0.0, "{answer:?}");
        }
        let answer = posted.join().unwrap();
        // SHA-256 of 64 MiB of x.
        let sum = "e20a69eca39368572e90b9135738a613838f954987a0b44b6220889c171cbb76";
        assert_eq!((answer.status(), answer.text()), (200, sum));
        assert_eq!(shaken.join().unwrap().status(), 101);
        let opened = opened.join().unwrap();
        assert_eq!(opened.status(), 200, "{opened:?}");
        assert!(opened.head.get("x-ebbtide-wake").is_some(), "{opened:?}");
    });
    assert_eq!(notes.starts(), 1);
    let asked = notes.lines("asked");
    assert_eq!(asked.len(), 23, "{asked:?}");
    for once in ["POST /upload", "GET /socket", "GET /page ", "GET /7 "] {
        assert_eq!(asked.iter().filter(|line| line.starts_with(once)).count(), 1, "{asked:?}");
    }
    assert_eq!(get(&proxy, "/", "").head.get("x-ebbtide-wake"), None, "it runs");
    assert_eq!(proxy.metrics().count("ebbtide_wakes_total", &[("result", "success")]), 1);
}

#[test]
fn a_person_sees_a_page_and_then_the_app() {
    let notes = Notes::new();
    let proxy = setup(&notes.command(0.5), "", "").start();
    let page = get(&proxy, "/", OPENS);
    assert_eq!(page.assert_own(503), "app-starting");
    assert_eq!(page.head.get("cache-control"), Some("no-store"));
    assert!(page.head.get("content-type").unwrap().starts_with("text/html"));
    await_state(&proxy, "running");
    assert_eq!(get(&proxy, "/", OPENS).status(), 200);
    assert_eq!(notes.starts(), 1);
}

#[test]
fn a_poll_wakes_nothing_and_leaves_no_line_in_the_log() {
    let notes = Notes::new();
    let proxy = setup(&notes.command(0.0), "packs = [\"streamlit\"]", "").start();
    let before = proxy.log().text();
    for _ in 0..3 {
        let answer = get(&proxy, "/_stcore/health", "");
        assert_eq!(answer.assert_own(503), "app-suspended");
        assert_eq!(answer.head.get("retry-after"), Some("60"));
        assert_eq!(answer.text(), "This app is paused. Reload to start it.");
    }
    // The page's own connection, which it opens again.
    let again = "Origin: http://a.test\r\nSec-Fetch-Site: same-origin\r\n";
    let mut wire = proxy.connect();
    wire.send(upgrade("a.test", "/_stcore/stream", again));
    assert_eq!(Message::read_response(&mut wire, "GET").assert_own(503), "app-suspended");
    assert_eq!(proxy.log().text(), before);
    await_state(&proxy, "suspended");
    assert_eq!(notes.starts(), 0);
}

#[test]
fn wake_says_who_waits_and_who_sees_the_page() {
    let notes = Notes::new();
    let held = setup(&notes.command(0.2), "wake = \"hold\"", "").start();
    assert_eq!(get(&held, "/", OPENS).status(), 200);
    let notes = Notes::new();
    let refused = setup(&notes.command(0.2), "wake = \"page\"", "").start();
    assert_eq!(get(&refused, "/data", "").assert_own(503), "app-starting");
    await_state(&refused, "running");
    assert_eq!(get(&refused, "/data", "").status(), 200);
}

#[test]
fn places_in_the_lobby_are_bounded_and_given_back() {
    let notes = Notes::new();
    // Whoever waits does so for as long as the test takes.
    let setup = setup(&notes.command(3600.0), "wake_timeout = \"1h\"", "ready_timeout = \"1h\"");
    let proxy = setup.section("[limits]\nheld = 10").start();
    let mut first = proxy.connect();
    first.send(request("GET", "a.test", "/", ""));
    let held = || proxy.metrics().count("ebbtide_held_requests", &[("app", "demo")]);
    eventually("one waits", || (held() == 1).then_some(()));
    let refused = get(&proxy, "/", "");
    assert_eq!(refused.assert_own(503), "held-full");
    assert!(refused.head.get("retry-after").is_some());
    drop(first);
    eventually("it has left", || (held() == 0).then_some(()));
}

#[test]
fn an_app_that_cannot_start_says_why_and_does_not_spin() {
    let command = ["sh", "-c", "echo no such table >&2; exit 3"].map(str::to_owned);
    let proxy = setup(&command, "idle_after = \"1h\"", "").start();
    let answer = get(&proxy, "/", "");
    assert_eq!(answer.assert_own(503), "app-failed");
    let retry: u64 = answer.head.get("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&retry), "{retry}");
    let page = get(&proxy, "/", OPENS);
    assert_eq!(page.status(), 503);
    let failures = || proxy.metrics().count("ebbtide_wakes_total", &[("result", "failure")]);
    eventually("it is tried again", || (failures() >= 3).then_some(()));
    // With pauses of 1 s, 2 s, 4 s and on, so many take an hour; without them, a moment.
    pause(Duration::from_secs(3));
    assert!(failures() <= 50, "{}", failures());
    assert!(proxy.log().text().contains("no such table"));
}

#[test]
fn a_command_that_is_not_there_is_named() {
    let proxy = setup(&["/nowhere/program".to_owned()], "", "").start();
    assert_eq!(get(&proxy, "/", "").assert_own(503), "app-failed");
    assert!(proxy.log().text().contains("/nowhere/program"), "{}", proxy.log().text());
}

#[test]
fn an_app_that_never_listens_is_given_up_in_its_time() {
    let notes = Notes::new();
    let proxy = setup(&notes.command(3600.0), "", "ready_timeout = \"1s\"").start();
    assert_eq!(get(&proxy, "/", "").assert_own(503), "app-failed");
    eventually("it is not left behind", || (!crate::scene::runs(&notes)).then_some(()));
}
