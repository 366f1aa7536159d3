//! What keeps an app awake, and what does not.

use std::time::Duration;

use crate::harness::command::{ebbtide, finish};
use crate::harness::frame::Frame;
use crate::harness::http::Message;
use crate::harness::session::{Peer, Role, upgrade};
use crate::harness::wait::{eventually, pause, started};
use crate::scene::{Notes, OPENS, await_state, demo, get, runs, setup};

#[test]
fn an_open_tab_keeps_nothing_awake_and_is_told() {
    let notes = Notes::new();
    let proxy = setup(&notes.command(0.0), "idle_after = \"2s\"", "").start();
    let mut wire = proxy.connect();
    wire.send(upgrade("a.test", "/socket", ""));
    assert_eq!(Message::read_response(&mut wire, "GET").status(), 101);
    let mut tab = Peer::new(wire, Role::Client);
    // A ping is machinery.
    tab.send(&Frame::ping("tab"));
    assert_eq!(tab.close_frame(), (1001, "suspended".to_owned()));
    await_state(&proxy, "suspended");
    assert!(!runs(&notes));
    // The tab opens its connection again, and starts nothing by that.
    let again = "Origin: http://a.test\r\nSec-Fetch-Site: same-origin\r\n";
    let mut wire = proxy.connect();
    wire.send(upgrade("a.test", "/socket", again));
    assert_eq!(Message::read_response(&mut wire, "GET").assert_own(503), "app-suspended");
    assert_eq!((notes.starts(), demo(&proxy)["state"].as_str()), (1, Some("suspended")));
    // A person does.
    assert_eq!(get(&proxy, "/", OPENS).status(), 503);
    await_state(&proxy, "running");
    assert_eq!((get(&proxy, "/", OPENS).status(), notes.starts()), (200, 2));
    assert_eq!(proxy.metrics().count("ebbtide_suspends_total", &[("result", "success")]), 1);
}

#[test]
fn who_uses_an_app_keeps_it() {
    let notes = Notes::new();
    let proxy = setup(&notes.command(0.0), "idle_after = \"2s\"", "").start();
    for _ in 0..10 {
        assert_eq!(get(&proxy, "/", "").status(), 200);
        pause(Duration::from_millis(500));
    }
    assert_eq!(notes.starts(), 1);
    await_state(&proxy, "suspended");
}

#[test]
fn an_app_that_says_that_it_is_at_work_is_left_alone() {
    let notes = Notes::new();
    notes.write("state", "[{\"execution_state\": \"busy\"}]");
    let probe =
        "busy_probe = { path = \"/state\", pointer = \"/*/execution_state\", busy = [\"busy\"] }";
    let lines = format!("idle_after = \"1s\"\n{probe}");
    let proxy = setup(&notes.command(0.0), &lines, "").start();
    assert_eq!(get(&proxy, "/", "").status(), 200);
    let probed = || notes.lines("asked").iter().filter(|line| line.contains("/state")).count();
    eventually("it is asked", || (probed() > 0).then_some(()));
    await_state(&proxy, "running");
    pause(Duration::from_secs(3));
    assert_eq!(demo(&proxy)["state"], "running");
}

/// A cgroup is needed to know what an app's processes use.
fn can_measure() -> bool {
    ebbtide::drivers::process::examine().is_ok()
}

#[test]
fn an_app_that_computes_in_silence_is_at_work() {
    if !can_measure() {
        return;
    }
    let notes = Notes::new();
    let lines = "idle_after = \"20s\"\nbusy_cpu = \"2%\"";
    let proxy = setup(&notes.command(0.0), lines, "").start();
    // When what the start took does not count any more.
    assert_eq!(get(&proxy, "/burn/11/3", "").status(), 200);
    let at_work = || demo(&proxy)["work"]["since"].is_string();
    started("it is at work", || at_work().then_some(()));
    let work = &demo(&proxy)["work"];
    assert_eq!(
        (&work["open"][0]["rule"], &work["open"][0]["by"]),
        (&"cpu".into(), &"person".into())
    );
    assert!(work["cpu_percent"].as_f64().unwrap() > 2.0, "{work}");
    let admin = proxy.admin_address().to_string();
    let told = finish(ebbtide().args(["explain", "--admin", &admin, "demo"])).stdout;
    assert!(
        told.contains("its CPU, ") && told.contains(" % of one core over the last minute"),
        "{told}"
    );
    // A minute after its visitor it is awake for its work alone, and was to be suspended long ago.
    let busy = || proxy.metrics().sum("ebbtide_app_awake_seconds_total", &[("why", "busy")]);
    started("it is awake for its work", || (busy() > 0.0).then_some(()));
    assert_eq!(demo(&proxy)["state"], "running");
}

#[test]
fn what_the_start_takes_is_no_work() {
    let notes = Notes::new();
    let lines = "idle_after = \"20s\"\nbusy_cpu = \"1%\"";
    let proxy = setup(&notes.command(0.0), lines, "").start();
    assert_eq!(get(&proxy, "/burn/0/1", "").status(), 200);
    await_state(&proxy, "suspended");
    let work = &demo(&proxy)["work"];
    assert!(work["last_ended"].is_null() && work["since"].is_null(), "{work}");
}
