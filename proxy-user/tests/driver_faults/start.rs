//! A fault that keeps an app from starting, whatever it is.

use std::time::Duration;

use serde_json::Value;

use crate::harness::http::Message;
use crate::harness::wait::{Stopwatch, eventually, started};
use crate::scene::{BLIND, Scene, said};
use crate::table::{Row, answer, metric, steady};

/// The most starts that the back-off allows in this time: pauses of 1 s, 2 s, 4 s, on to a minute. A person
/// who comes shortens one of them.
pub(crate) fn most_starts(time: Duration) -> u64 {
    let (mut starts, mut next, mut pause) = (1, 1, 2);
    while next <= time.as_secs() {
        starts += 1;
        next += pause;
        pause = (2 * pause).min(60);
    }
    starts
}

/// Somebody comes by browser, and a program asks, while the app cannot start because of what these words
/// say. Then `mend` takes the fault away.
pub(crate) fn fails(scene: &Scene, words: &str, mend: impl FnOnce(&Scene)) -> Row {
    fails_often(scene, words, 3, mend)
}

/// As [`fails`], until so many starts have failed.
pub(crate) fn fails_often(
    scene: &Scene,
    words: &str,
    often: u64,
    mend: impl FnOnce(&Scene),
) -> Row {
    let watch = Stopwatch::start();
    let first = scene.visit();
    assert!(matches!(first.assert_own(503), "app-starting" | "app-failed"), "{first:?}");
    assert_eq!(first.head.get("cache-control"), Some("no-store"));
    let shown = started("the page says that it failed", || {
        Some(scene.look()).filter(|page| page.assert_own(503) == "app-failed")
    });
    assert_hides(&shown, words);
    let other = scene.ask();
    assert_eq!(other.assert_own(503), "app-failed");
    let retry: u64 = other.head.get("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&retry), "{retry}");
    assert!(!other.text().contains(words), "what is wrong is for those who run it");

    started("it is tried again", || (scene.wakes("failure") >= often).then_some(()));
    scene.await_state("failed");
    let api = scene.api();
    assert!(api["failure"].as_str().is_some_and(|why| why.contains(words)), "{api}");
    // One line for each start that failed, and no other.
    let warnings = eventually("each failure is in the log once", || {
        let starts = |line: &Value| !said(line).starts_with(BLIND);
        let lines: Vec<_> = scene.log("WARN").into_iter().filter(starts).collect();
        Some(lines).filter(|lines| lines.len() as u64 == scene.wakes("failure"))
    });
    assert!(warnings.iter().all(|line| said(line).contains(words)), "{warnings:#?}");
    let (failures, most) = (scene.wakes("failure"), most_starts(watch.elapsed()));
    assert!(failures <= most, "{failures} starts, not {most} at most");
    assert!(scene.blind() <= 1, "{:#?}", scene.log("WARN"));
    scene.await_nobody_held();
    let mut row = Row {
        browser: format!("{}, then {}", answer(&first), answer(&shown)),
        other: answer(&other),
        log: format!("once for each start: {}", steady(scene, &said(&warnings[0]))),
        metric: metric(scene),
        afterwards: String::new(),
    };
    mend(scene);
    row.afterwards = scene.await_entry();
    assert_eq!(scene.wakes("success"), 1);
    row
}

/// The page says why the app failed, but not how it is run, nor what it has printed.
pub(crate) fn assert_hides(page: &Message, words: &str) {
    let text = page.text();
    let (why, printed) = words.split_once("; its last line: ").unwrap_or((words, words));
    let is_public =
        |words: &str| words.starts_with("it exited") || words.starts_with("it was ended");
    let public = ["it could not be started", "it did not answer in time"];
    let said = public.iter().any(|public| text.contains(public)) || is_public(why);
    assert!(text.contains("Could not start") && said, "{text}");
    let hidden = |words: &&str| is_public(words) || !text.contains(&escaped(words));
    let hidden = [why, printed].iter().all(hidden);
    assert!(hidden && !text.contains("127.0.0.1"), "{text}");
}

/// As the page has it.
fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('/', "&#x2f;").replace('"', "&quot;").replace('\'', "&#x27;")
}
