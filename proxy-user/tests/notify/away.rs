//! Control planes that are down, fail, are slow, or stay away for so long that something has to go.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::harness::app::{App, HttpApp};
use crate::harness::control::{Control, Report};
use crate::harness::http::{Message, ok, request};
use crate::harness::setup::Setup;
use crate::harness::wait::{eventually, pause, started};
use crate::scene::{
    LOSSES, accepted, assert_in_order, await_accepted, await_notifications, lose, notifications,
};

/// Something happens while nobody takes it, and then more.
fn all_arrive(control: &mut Control, recover: impl FnOnce(&mut Control)) {
    let app = App::listen();
    let proxy = Setup::demo(app.address()).section(&control.notify(LOSSES)).start();
    lose(&proxy, &app, 3);
    await_notifications(&proxy, "failure", 1);
    lose(&proxy, &app, 3);
    recover(control);
    let told = await_accepted(control, 6);
    lose(&proxy, &app, 1);
    assert_eq!(told.len(), 6);
    let told = await_accepted(control, 7);
    assert_in_order(&told);
    await_notifications(&proxy, "success", 7);
    assert_eq!(notifications(&proxy, "dropped"), 0);
}

#[test]
fn nothing_is_lost_while_the_control_plane_is_down() {
    all_arrive(&mut Control::down(), Control::come_up);
}

/// A redirect is not followed: it would carry the token to wherever it leads.
#[test]
fn nothing_is_lost_while_the_control_plane_refuses() {
    for status in [500, 404, 307] {
        let mut control = Control::up();
        control.answer(status);
        all_arrive(&mut control, |control| control.answer(204));
    }
}

#[test]
fn an_app_s_notification_that_is_not_taken_holds_up_no_other_app() {
    let free = Arc::new(AtomicBool::new(false));
    let is_free = Arc::clone(&free);
    let control = HttpApp::start(move |told| {
        let body: serde_json::Value = serde_json::from_slice(&told.body).unwrap();
        while body["app"] == "slow" && !is_free.load(Ordering::Relaxed) {
            pause(Duration::from_millis(10));
        }
        ok("")
    });
    let gone = Control::down();
    let slow = App::listen();
    let proxy = Setup::new()
        .app("slow", slow.address(), "hosts = [\"demo.test\"]")
        .app("quick", gone.address(), "hosts = [\"quick.test\"]")
        .section(&format!("[[notify]]\nurl = \"http://{}/{{app}}\"\n{LOSSES}\n", control.address()))
        .start();
    lose(&proxy, &slow, 2);
    assert_eq!(proxy.get("quick.test", "/").status(), 502);
    let told = |target: &str| {
        control.requests().iter().filter(|told| told.head.target() == target).count()
    };
    await_notifications(&proxy, "success", 1);
    assert_eq!((told("/quick"), told("/slow")), (1, 1), "one at a time of each app");
    free.store(true, Ordering::Relaxed);
    await_notifications(&proxy, "success", 3);
    assert_eq!(told("/slow"), 2);
}

/// What each of many requests would be a line for is not logged.
const QUIET: &str = "EBBTIDE_LOG=info,ebbtide::proxy=warn";

#[test]
fn control_planes_do_not_wait_for_each_other() {
    let (app, mut away, there) = (App::listen(), Control::down(), Control::up());
    let setup = Setup::demo(app.address());
    let setup = setup.section(&away.notify(LOSSES)).section(&there.notify(LOSSES));
    let proxy = setup.start();
    lose(&proxy, &app, 3);
    let told = await_accepted(&there, 3);
    assert!(accepted(&away).is_empty());
    away.come_up();
    let late = await_accepted(&away, 3);
    let ids = |told: &[Report]| told.iter().map(Report::id).collect::<Vec<_>>();
    assert_eq!(ids(&told), ids(&late), "what happened has one id, whoever is told");
}

/// Apps of which a loss a second is told.
const APPS: usize = 2500;

#[test]
fn what_there_is_no_room_for_is_counted_and_the_newest_is_kept() {
    let (app, gone, mut control) = (App::listen(), Control::down(), Control::down());
    let name = |n: usize| format!("app-{n}");
    let setup = Setup::new().section(&control.notify(LOSSES));
    let setup = setup.app("demo", app.address(), "").wrapper(&["env", QUIET]);
    let add = |setup: Setup, n| {
        setup.app(&name(n), gone.address(), &format!("hosts = [\"{}.test\"]", name(n)))
    };
    let proxy = (0..APPS).fold(setup, add).start();
    let ask = |n| request("GET", &format!("{}.test", name(n)), "/", "");
    let all: Vec<String> = (0..APPS).map(ask).collect();
    let mut wire = proxy.connect();
    let dropped = || proxy.log().fields("notifications were dropped; the oldest go first");
    // The metrics of so many apps are long: the log is asked.
    started("something was dropped", || {
        for some in all.chunks(100) {
            wire.send(some.concat());
            for _ in some {
                Message::read_response(&mut wire, "GET").assert_own(502);
            }
        }
        (!dropped().is_empty()).then_some(())
    });
    lose(&proxy, &app, 3);
    control.come_up();
    let told = eventually("the newest", || {
        let told = control.reports();
        let newest: Vec<_> = told.into_iter().filter(|told| told.app() == "demo").collect();
        (newest.len() == 3).then_some(newest)
    });
    assert_in_order(&told);
    assert!(notifications(&proxy, "dropped") > 3);
}
