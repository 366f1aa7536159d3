//! `kind = "process"`.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use crate::Named;
use crate::app::{exec, linger};
use crate::harness::scratch::Scratch;
use crate::harness::wait::{Stopwatch, started};
use crate::scene::{Scene, said};
use crate::start::{assert_hides, fails, most_starts};
use crate::table::{Row, answer, metric, steady};

pub(crate) const FAULTS: [Named; 10] = [
    ("command missing", command_missing),
    ("exits at once", exits_at_once),
    ("exits after it was ready", exits_after_it_was_ready),
    ("port taken", port_taken),
    ("port taken while it was down", port_taken_while_it_was_down),
    ("never ready", never_ready),
    ("not ready within wake_timeout", slow_to_be_ready),
    ("ignores SIGTERM", ignores_sigterm),
    ("forks children that ignore SIGTERM", forks_children),
    ("prints a gigabyte", prints_a_gigabyte),
];

/// An app that a shell's script starts, in the scene's folder.
fn script(script: &str, app: &str, more: &str) -> Scene {
    let folder = Scratch::new();
    let path = folder.path().display().to_string();
    let driver = format!(
        "kind = \"process\"\ncommand = [\"sh\", \"-c\", {:?}]\ndir = {path:?}\n{more}",
        format!("echo >> started; {script}")
    );
    Scene::start(folder, app, &driver)
}

/// As long as there is no file `go`, the app does this; then it serves.
fn until_go(fault: &str, app: &str, more: &str) -> Scene {
    script(&format!("test -e go || {{ {fault}; }}; {}", exec("{port}")), app, more)
}

fn command_missing() -> Row {
    let folder = Scratch::new();
    let path = folder.path().display().to_string();
    let driver =
        format!("kind = \"process\"\ncommand = [\"./serve\", \"{{port}}\"]\ndir = {path:?}");
    let scene = Scene::start(folder, "", &driver);
    fails(&scene, "there is no command \"./serve\"", |scene| {
        let file = scene.folder().join("new");
        std::fs::write(&file, format!("#!/bin/sh\n{}\n", exec("$1"))).unwrap();
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o755)).unwrap();
        std::fs::rename(file, scene.folder().join("serve")).unwrap();
    })
}

fn exits_at_once() -> Row {
    let scene = until_go("echo no such table >&2; exit 3", "", "");
    let words = "it exited with status 3; its last line: no such table";
    let row = fails(&scene, words, |scene| scene.touch("go"));
    assert_eq!(scene.lines("started") as u64, scene.wakes("failure") + 1);
    row
}

/// A crash loop is not told from outside by the moments in which it answers.
fn exits_after_it_was_ready() -> Row {
    let fault = format!("{} 0.5", exec("{port}"));
    let scene = until_go(&fault, "", "");
    let watch = Stopwatch::start();
    let first = scene.visit();
    let words = "it exited with status 3; its last line: out of luck";
    let ended = || scene.log("WARN").iter().filter(|line| said(line).contains(words)).count();
    started("it ends again and again", || (ended() >= 3).then_some(()));
    let (page, other) = started("between two starts", || {
        let (page, other) = (scene.look(), scene.ask());
        let failed = |answer: &crate::harness::http::Message| {
            answer.head.get("x-ebbtide-reason") == Some("app-failed")
        };
        (failed(&page) && failed(&other)).then_some((page, other))
    });
    assert_hides(&page, words);
    assert!(other.head.get("retry-after").is_some());
    assert!(scene.api()["failure"].as_str().unwrap().contains(words), "{}", scene.api());
    let (starts, most) = (scene.lines("started") as u64, most_starts(watch.elapsed()));
    assert!(starts <= most, "{starts} starts, not {most} at most");
    let warnings = scene.log("WARN");
    assert!(warnings.len() as u64 <= most, "{warnings:#?}");
    let mut row = Row {
        browser: format!("{}, the app while it answers, then {}", answer(&first), answer(&page)),
        other: format!("the app while it answers, then {}", answer(&other)),
        log: format!("once for each end: {}", steady(&scene, &said(&warnings[0]))),
        metric: metric(&scene),
        afterwards: String::new(),
    };
    scene.touch("go");
    row.afterwards = scene.await_entry();
    row
}

fn port_taken() -> Row {
    let taker = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taker.local_addr().unwrap().port();
    let app = format!("upstream = \"http://127.0.0.1:{port}\"");
    let scene = script(&exec("{port}"), &app, "");
    fails(&scene, "which its `upstream` names, is in use", |_| {
        // Whoever has the port gets nobody's request.
        taker.set_nonblocking(true).unwrap();
        assert!(taker.accept().is_err());
        drop(taker);
    })
}

fn port_taken_while_it_was_down() -> Row {
    let scene = script(&exec("{port}"), "", "");
    let first = scene.visit();
    scene.await_entry();
    let port = || scene.log("INFO").iter().rev().find_map(|line| line["port"].as_u64()).unwrap();
    let before = port();
    scene.suspend();
    scene.await_state("suspended");
    let taker = TcpListener::bind(("127.0.0.1", u16::try_from(before).unwrap())).unwrap();
    let other = scene.ask();
    assert_eq!((other.status(), other.text()), (200, "the app"));
    assert_ne!(port(), before);
    taker.set_nonblocking(true).unwrap();
    assert!(taker.accept().is_err());
    let warnings = scene.log("WARN");
    assert_eq!(warnings.len(), 1, "{warnings:#?}");
    Row {
        browser: format!("{}, then the app", answer(&first)),
        other: answer(&other),
        log: said(&warnings[0]),
        metric: metric(&scene),
        afterwards: format!("`{}`", scene.api()["state"].as_str().unwrap()),
    }
}

fn never_ready() -> Row {
    let scene = until_go("exec sleep 1000", "", "ready_timeout = \"1s\"");
    let row = fails(&scene, "it accepted no connection on 127.0.0.1:", |scene| scene.touch("go"));
    assert_eq!(scene.lines("started") as u64, scene.wakes("failure") + 1);
    row
}

fn slow_to_be_ready() -> Row {
    let wait = "until test -e go; do sleep 0.1; done";
    let scene = until_go(wait, "wake_timeout = \"1s\"", "ready_timeout = \"1h\"");
    let (page, other) = (scene.visit(), scene.ask());
    assert_eq!(page.assert_own(503), "app-starting");
    assert_eq!(other.assert_own(504), "wake-slow");
    assert!(other.head.get("retry-after").is_some());
    scene.await_nobody_held();
    scene.await_state("starting");
    assert!(scene.api()["failure"].is_null(), "{}", scene.api());
    let mut row = Row {
        browser: answer(&page),
        other: answer(&other),
        log: "—".to_owned(),
        metric: metric(&scene),
        afterwards: String::new(),
    };
    scene.touch("go");
    row.afterwards = scene.await_entry();
    assert_eq!((scene.log("WARN").len(), scene.lines("started")), (0, 1));
    row
}

/// An app of so many processes is used, and then left. It is ended in its time and wholly, and comes back.
fn is_killed(scene: &Scene, processes: usize) -> Row {
    let (first, other) = (scene.visit(), scene.ask());
    assert_eq!((first.assert_own(503), other.text()), ("app-starting", "the app"));
    assert_eq!(scene.processes(), processes);
    scene.await_state("suspended");
    assert_eq!((scene.suspends("success"), scene.processes()), (1, 0));
    assert_eq!(scene.log("WARN"), Vec::<serde_json::Value>::new());
    let killed = |line: &serde_json::Value| said(line).contains("stop_timeout");
    let lines: Vec<_> = scene.log("INFO").into_iter().filter(killed).collect();
    assert_eq!(lines.len(), 1, "{lines:#?}");
    let mut row = Row {
        browser: format!("{}, then the app", answer(&first)),
        other: answer(&other),
        log: said(&lines[0]),
        metric: metric(scene),
        afterwards: format!("{} processes left", scene.processes()),
    };
    row.afterwards += &format!(", then {}", scene.await_entry());
    row
}

const SHORT: &str = "stop_timeout = \"1s\"";
const IDLE: &str = "idle_after = \"2s\"";

fn ignores_sigterm() -> Row {
    // What is ignored stays so through exec(3).
    is_killed(&script(&format!("trap '' TERM; {}", exec("{port}")), IDLE, SHORT), 1)
}

fn forks_children() -> Row {
    let both = format!("{0} {0}", linger());
    is_killed(&script(&format!("trap '' TERM; {both} {}", exec("{port}")), IDLE, SHORT), 3)
}

/// While it serves, and on when it is told to end.
fn prints_a_gigabyte() -> Row {
    const ALLOWED_BYTES: u64 = 64 << 20;
    const LINES_A_SECOND: u64 = 500;
    let line = "a line of an app that prints more than anybody reads";
    let prints = format!("yes '{line}' | head -c 1G; echo >> printed; exec yes '{line}'");
    let scene = script(&format!("trap '' TERM; ({prints}) & {}", exec("{port}")), "", SHORT);
    let before = scene.proxy.resident_bytes();
    let watch = Stopwatch::start();
    let (first, other) = (scene.visit(), scene.ask());
    assert_eq!((first.assert_own(503), other.text()), ("app-starting", "the app"));
    started("it has printed a gigabyte", || (scene.lines("printed") == 1).then_some(()));
    assert_eq!(scene.visit().status(), 200);
    scene.suspend();
    scene.await_state("suspended");
    assert_eq!((scene.suspends("success"), scene.processes()), (1, 0));
    let grown = scene.proxy.resident_bytes().saturating_sub(before);
    assert!(grown < ALLOWED_BYTES, "{grown} bytes more");
    // Of the first second and the last each a part.
    let (lines, seconds) = (scene.printed() as u64, watch.elapsed().as_secs() + 2);
    assert!(lines <= (LINES_A_SECOND + 1) * seconds, "{lines} lines in {seconds} s");
    Row {
        browser: format!("{}, then the app", answer(&first)),
        other: answer(&other),
        log: format!("{} lines in {seconds} s, with how many were left out", lines),
        metric: metric(&scene),
        afterwards: format!("{} processes left", scene.processes()),
    }
}
