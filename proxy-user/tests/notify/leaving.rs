//! What is still to be told when the configuration changes or the process ends.

use crate::harness::app::App;
use crate::harness::control::{Control, Report};
use crate::harness::proxy::Proxy;
use crate::harness::setup::Setup;
use crate::harness::wait::eventually;
use crate::scene::{
    LOSSES, accepted, assert_in_order, await_accepted, await_notifications, lose, notifications,
};

const DROPPED: &str = "the last notifications were dropped: not sent in time";

fn with(app: &App, control: &Control, lines: &str) -> Setup {
    Setup::demo(app.address()).key("drain = \"1s\"").section(&control.notify(lines))
}

fn reload(proxy: &Proxy, setup: &Setup) {
    let before = proxy.log().fields("configuration reloaded").len();
    proxy.reconfigure(setup);
    eventually("the configuration is reloaded", || {
        (proxy.log().fields("configuration reloaded").len() > before).then_some(())
    });
}

#[test]
fn what_is_left_is_told_at_the_end() {
    let (app, control) = (App::listen(), Control::up());
    control.answer(503);
    let mut proxy = with(&app, &control, LOSSES).start();
    lose(&proxy, &app, 4);
    // By now the next try is seconds away.
    await_notifications(&proxy, "failure", 3);
    control.answer(200);
    proxy.terminate();
    assert_eq!(proxy.exit_code(), Some(0));
    let told = accepted(&control);
    assert_eq!(told.len(), 4);
    assert_in_order(&told);
    assert!(proxy.log().fields(DROPPED).is_empty());
}

/// It takes connections and never answers.
#[test]
fn the_end_does_not_wait_for_ever() {
    let (app, silent) = (App::listen(), App::listen());
    let notify = format!("[[notify]]\nurl = \"http://{}/\"\n{LOSSES}", silent.address());
    let setup = Setup::demo(app.address()).key("drain = \"1s\"").section(&notify);
    let mut proxy = setup.start();
    lose(&proxy, &app, 4);
    proxy.terminate();
    assert_eq!(proxy.exit_code(), Some(0));
    let dropped = proxy.log().fields(DROPPED);
    assert_eq!((dropped.len(), &dropped[0]["dropped"]), (1, &4.into()), "{dropped:?}");
}

#[test]
fn a_reload_keeps_what_is_still_to_be_told() {
    let (app, mut control) = (App::listen(), Control::down());
    let proxy = with(&app, &control, LOSSES).start();
    lose(&proxy, &app, 3);
    await_notifications(&proxy, "failure", 1);
    reload(&proxy, &with(&app, &control, "events = [\"reap\"]"));
    control.come_up();
    let told = await_accepted(&control, 3);
    assert_in_order(&told);
    lose(&proxy, &app, 1);
    let last = control.await_report("a reap", |told| told.body["event"] == "reap");
    assert!(last.id() > told[2].id());
    assert_eq!(accepted(&control).len(), 4, "losses are not told any more");
}

#[test]
fn a_table_that_is_removed_gets_what_it_is_owed_or_the_log_says_so() {
    let (app, control, away) = (App::listen(), Control::up(), Control::down());
    control.answer(500);
    let proxy = with(&app, &control, LOSSES).section(&away.notify(LOSSES)).start();
    lose(&proxy, &app, 3);
    await_notifications(&proxy, "failure", 4);
    control.answer(200);
    reload(&proxy, &Setup::demo(app.address()));
    assert_in_order(&await_accepted(&control, 3));
    await_notifications(&proxy, "dropped", 3);
    assert_eq!(proxy.log().fields(DROPPED).len(), 1);
    lose(&proxy, &app, 1);
    assert_eq!((accepted(&control).len(), notifications(&proxy, "dropped")), (3, 3));
}

/// So that whoever keeps the ids knows what it has been told already.
#[test]
fn an_id_is_never_used_again() {
    let (app, control) = (App::listen(), Control::up());
    for _ in 0..2 {
        let proxy = with(&app, &control, LOSSES).start();
        let before = accepted(&control).len();
        lose(&proxy, &app, 2);
        await_accepted(&control, before + 2);
    }
    let mut ids: Vec<_> = accepted(&control).iter().map(Report::id).collect();
    assert_eq!((ids[0].1, ids[2].1), (1, 1), "they differ by where they come from: {ids:?}");
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 4, "{ids:?}");
}
