//! When an app was last used, in simulated time.

use super::*;
use crate::config;
use crate::core::gate::Reason;
use crate::core::work::{Key, Scope};

const KEY: Key = Key { scope: Scope::Connection(1), id: 0 };

fn at(second: u64) -> Nanos {
    Nanos(second << 30)
}

/// An app that somebody uses in its first second and that works from its second second on.
fn app_at_work(busy_limit: Option<Duration>) -> App {
    let upstream = "http://127.0.0.1:1".parse().unwrap();
    let config = config::App { busy_limit, ..config::App::new("demo".to_owned(), Some(upstream)) };
    let app = App::new(config, <_>::default(), <_>::default(), 0, Nanos(0));
    assert_eq!(app.last_use(at(1)), None);
    app.gate.touch(at(1), Reason::Input);
    let (after, lapse) = (Duration::ZERO, None);
    let began = Sign::Began { key: KEY, rule: "demo/work".into(), by: By::Person, after, lapse };
    app.note_work(at(2), [began]);
    app
}

fn last(app: &App, now: u64) -> (Nanos, &'static str) {
    let LastUse { at, reason } = app.last_use(at(now)).unwrap();
    (at, reason)
}

#[test]
fn an_app_at_work_is_used_now_and_then_at_the_end_of_it() {
    let app = app_at_work(Some(Duration::from_secs(3600)));
    assert_eq!(last(&app, 2), (at(2), "work"));
    assert_eq!(last(&app, 60), (at(60), "work"));
    app.note_work(at(90), [Sign::Ended(KEY)]);
    assert_eq!(last(&app, 100), (at(90), "work"), "somebody may still fetch the result");
    app.gate.touch(at(101), Reason::Output);
    assert_eq!(last(&app, 102), (at(101), "output"));
}

#[test]
fn short_work_leaves_no_trace() {
    let app = app_at_work(Some(Duration::from_secs(3600)));
    app.note_work(at(4), [Sign::Ended(KEY)]);
    assert_eq!(last(&app, 5), (at(1), "input"));
}

#[test]
fn work_counts_for_so_long_and_no_longer() {
    let app = app_at_work(Some(Duration::from_secs(60)));
    assert_eq!(last(&app, 50), (at(50), "work"));
    assert_eq!(last(&app, 100), (at(1), "input"));
    assert_eq!(last(&app_at_work(None), 50), (at(1), "input"), "busy_limit = \"off\"");
}
