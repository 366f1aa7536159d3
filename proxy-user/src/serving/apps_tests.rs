use std::path::Path;

use super::*;
use crate::config::{Config, Limits};
use crate::core::pack::RuleIndex;
use crate::serving::Serving;

fn app(name: &str, path: &str) -> config::App {
    let upstream = "http://127.0.0.1:1".parse().unwrap();
    config::App { path: path.to_owned(), ..config::App::new(name.to_owned(), Some(upstream)) }
}

fn put(name: &str, path: &str) -> Change {
    Change::Put(Box::new(app(name, path)), Arc::default())
}

fn remove(name: &str) -> Change {
    Change::Remove(name.to_owned())
}

fn change(apps: &Apps, source: Source, changes: impl IntoIterator<Item = Change>) {
    apps.change(source, changes, &<(Events, Orders)>::default(), Nanos(1));
}

fn names(apps: &[Arc<App>]) -> Vec<&str> {
    apps.iter().map(|app| &*app.name).collect()
}

#[test]
fn apps_keep_what_is_known_of_them_and_their_order() {
    let apps = Apps::default();
    change(&apps, Source::File, [put("one", "/one"), put("two", "/two")]);
    let one = apps.find("h", "/one").unwrap();
    change(&apps, Source::File, [put("three", "/"), put("one", "/elsewhere")]);
    assert!(Arc::ptr_eq(&one, &apps.find("h", "/elsewhere/x").unwrap()));
    assert_eq!(&*apps.find("h", "/one").unwrap().name, "three");
    assert_eq!(names(&apps.served()), ["one", "two", "three"]);
}

#[test]
fn an_app_of_any_source_holds_as_many_requests_as_configured() {
    let config =
        |held| Config { limits: Limits { held, ..Limits::default() }, ..Config::default() };
    let serving = Serving::new(config(10), Vec::new());
    serving.change(Source::Api, [put("ann", "/user/ann")]);
    let ann = serving.find("h", "/user/ann").unwrap();
    let _place = ann.lobby.take().unwrap();
    assert!(ann.lobby.take().is_none());
    serving.configure(config(20), Vec::new());
    assert!(ann.lobby.take().is_some(), "the limit was raised");
}

#[test]
fn two_apps_may_swap_their_places() {
    let apps = Apps::default();
    change(&apps, Source::File, [put("one", "/a"), put("two", "/b")]);
    change(&apps, Source::File, [put("one", "/b"), put("two", "/a")]);
    let found = ["/a", "/b"].map(|path| apps.find("h", path).map(|app| app.name.clone()));
    assert_eq!(found, [Some("two".into()), Some("one".into())]);
}

#[test]
fn apps_share_the_book_that_they_are_given_unless_their_rules_have_other_numbers() {
    let pack = |name: &&str| {
        let text = format!(
            "name = \"{name}\"\n[[request]]\nid = \"poll\"\nclass = \"poll\"\npath = '/{name}$'\n"
        );
        Arc::new(crate::packs::parse(&text, Path::new(&format!("{name}.toml"))).unwrap())
    };
    let book = |packs: &[&str]| Arc::new(RuleBook::new(packs.iter().map(pack).collect(), false));
    let apps = Apps::default();
    let serve = |name: &str, book: &Arc<RuleBook>| {
        let put = Change::Put(Box::new(app(name, &format!("/{name}"))), Arc::clone(book));
        change(&apps, Source::File, [put]);
        let app = apps.find("h", &format!("/{name}")).unwrap();
        Arc::clone(&app.policy().book)
    };
    let (both, second) = (book(&["first", "second"]), book(&["second"]));
    for name in ["a", "b", "a"] {
        assert!(Arc::ptr_eq(&serve(name, &both), &both));
    }
    assert!(Arc::ptr_eq(&serve("c", &second), &second));
    // The counts of the rule of `second` are kept under its number.
    let own = serve("c", &both);
    assert!(!Arc::ptr_eq(&own, &both));
    assert_eq!(own.rule(RuleIndex(0)), second.rule(RuleIndex(0)));
    assert_eq!(own.rules(), both.rules());
}

#[test]
fn an_app_with_sessions_is_remembered_until_the_last_has_ended() {
    let apps = Apps::default();
    change(&apps, Source::File, [put("busy", "/"), put("quiet", "/quiet")]);
    let busy = apps.find("h", "/").unwrap();
    busy.live.store(1, Relaxed);
    change(&apps, Source::File, [remove("busy"), remove("quiet"), remove("nobody")]);
    assert!(apps.find("h", "/").is_none() && apps.served().is_empty());
    assert_eq!(names(&apps.all()), ["busy"]);
    change(&apps, Source::File, [put("busy", "/back")]);
    assert!(Arc::ptr_eq(&busy, &apps.find("h", "/back").unwrap()));
    assert_eq!(names(&apps.all()), ["busy"]);
    change(&apps, Source::File, [remove("busy")]);
    busy.live.store(0, Relaxed);
    assert!(apps.all().is_empty());
}
