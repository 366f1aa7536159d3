//! Faults around an app that runs: it goes on running, and is reached.

use crate::harness::wait::{Stopwatch, eventually, started};
use crate::scene::{Scene, said};
use crate::table::{Row, answer, metric, steady};

/// The app is left for its `idle_after`, and cannot be suspended because of what these words say. Then `mend`
/// takes the fault away.
pub(crate) fn goes_on(scene: &Scene, words: &str, mend: impl FnOnce(&Scene)) -> Row {
    started("it cannot be suspended", || (scene.suspends("failure") == 1).then_some(()));
    scene.await_state("running");
    let failed = || {
        let lines = scene.log("WARN").into_iter();
        lines.filter(|line| said(line).contains("cannot suspend the app")).collect::<Vec<_>>()
    };
    let told = eventually("the log says so", || failed().into_iter().next());
    assert!(said(&told).contains(words), "{told}");
    // It is there for whoever comes, and not to be suspended again at once.
    let watch = Stopwatch::start();
    let (mut page, mut other) = (scene.visit(), scene.ask());
    while watch.seconds() < 5.0 {
        assert_eq!((page.status(), other.text()), (200, "the app"));
        (page, other) = (scene.visit(), scene.ask());
    }
    assert_eq!((failed().len(), scene.suspends("failure")), (1, 1));
    assert!(scene.blind() <= 1, "{:#?}", scene.log("WARN"));
    let mut row = Row {
        browser: answer(&page),
        other: answer(&other),
        log: format!("once: {}", steady(scene, &said(&told))),
        metric: metric(scene),
        afterwards: String::new(),
    };
    mend(scene);
    scene.suspend();
    scene.await_state("suspended");
    assert_eq!(scene.suspends("success"), 1);
    row.afterwards = format!("suspended, then {}", scene.await_entry());
    row
}

/// The app runs, and can neither be seen nor woken.
pub(crate) fn is_reached(scene: &Scene, mend: impl FnOnce(&Scene)) -> Row {
    let page = scene.visit();
    scene.await_state("running");
    let entry = scene.await_entry();
    let other = scene.ask();
    started("nobody can see it", || (scene.blind() == 1).then_some(()));
    assert_eq!((scene.wakes("failure"), scene.blind()), (0, 1));
    let warnings = scene.log("WARN");
    let row = Row {
        browser: format!("{}, then the app", answer(&page)),
        other: answer(&other),
        log: warnings.iter().map(|line| steady(scene, &said(line))).collect::<Vec<_>>().join("; "),
        metric: metric(scene),
        afterwards: entry,
    };
    mend(scene);
    scene.await_entry();
    row
}
