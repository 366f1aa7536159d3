//! Apps whose driver or address changes with the configuration.

use std::net::TcpListener;

use crate::harness::app::HttpApp;
use crate::harness::http::{Message, request};
use crate::harness::setup::Setup;
use crate::harness::wait::{eventually, started};
use crate::scene::{Notes, await_state, demo, get, running, setup};

/// One driver gives way to another while somebody waits for the app.
fn is_started_anew(before: &Setup, notes: &Notes, after: &Setup, starts_before: usize) {
    let proxy = before.start();
    let mut waiting = proxy.connect();
    waiting.send(request("GET", "a.test", "/", ""));
    started("it is starting", || {
        (demo(&proxy)["state"] == "starting" && notes.starts() == starts_before).then_some(())
    });
    proxy.reconfigure(after);
    let answer = Message::read_response(&mut waiting, "GET");
    assert_eq!(answer.status(), 200, "{answer:?}");
    await_state(&proxy, "running");
    assert_eq!(notes.starts(), starts_before + 1);
    eventually("only the new one runs", || (running(notes) == 1).then_some(()));
    assert_eq!(get(&proxy, "/", "").status(), 200);
}

#[test]
fn whoever_waits_for_a_start_gets_the_new_drivers_app() {
    let notes = Notes::new();
    let before = setup(&notes.command(3600.0), "", "ready_timeout = \"1h\"");
    is_started_anew(&before, &notes, &setup(&notes.command(0.0), "", ""), 1);
}

/// An app that Ebbtide has started elsewhere.
fn elsewhere(upstream: &str) -> Setup {
    Setup::new().section(&format!(
        "[[app]]\nname = \"demo\"\nupstream = \"http://{upstream}\"\n[app.driver]\nkind = \"command\"\n\
         wake = [\"true\"]\nsuspend = [\"true\"]\nstate = [\"echo\", \"suspended\"]\nready_timeout = \"1h\"\n"
    ))
}

/// An address where nobody listens.
fn nowhere() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

#[test]
fn the_same_where_the_driver_is_of_another_kind() {
    let notes = Notes::new();
    let after = setup(&notes.command(0.0), "", "");
    is_started_anew(&elsewhere(&nowhere()), &notes, &after, 0);
}

#[test]
fn a_new_driver_stops_the_old_ones_app_in_good_order_and_before_it_starts_its_own() {
    let notes = Notes::new();
    notes.write("linger", "");
    let lines = format!("upstream = \"http://{}\"", nowhere());
    let before = setup(&notes.command(0.0), &lines, "");
    let proxy = before.start();
    assert_eq!(get(&proxy, "/", "").status(), 200);
    proxy.reconfigure(&setup(&notes.command(0.0), &lines, "env = { NEW = \"1\" }"));
    eventually("it is told to end", || (notes.lines("told").len() == 1).then_some(()));
    // It still has the port.
    let answer = get(&proxy, "/", "");
    assert_eq!(answer.status(), 200, "{answer:?}");
    assert_eq!((notes.starts(), running(&notes)), (2, 1));
}

#[test]
fn a_new_upstream_is_where_the_app_is_started() {
    let notes = Notes::new();
    let at = |port: &str| {
        setup(&notes.command(0.0), &format!("upstream = \"http://127.0.0.1:{port}\""), "")
    };
    let ports =
        [nowhere(), nowhere()].map(|address| address.rsplit(':').next().unwrap().to_owned());
    let proxy = at(&ports[0]).start();
    assert_eq!(get(&proxy, "/", "").status(), 200);
    proxy.reconfigure(&at(&ports[1]));
    eventually("it is told to end", || (notes.lines("told").len() == 1).then_some(()));
    assert_eq!(get(&proxy, "/", "").status(), 200);
    assert_eq!(notes.lines("started"), ports);
}

#[test]
fn an_app_that_is_started_elsewhere_is_awaited_at_its_new_upstream() {
    let app = HttpApp::named("here");
    let proxy = elsewhere(&nowhere()).start();
    let mut waiting = proxy.connect();
    waiting.send(request("GET", "a.test", "/", ""));
    await_state(&proxy, "starting");
    proxy.reconfigure(&elsewhere(&app.address().to_string()));
    let answer = Message::read_response(&mut waiting, "GET");
    assert_eq!((answer.status(), answer.text()), (200, "here"));
}
