//! `kind = "command"`: the app is a process that `wake` leaves behind.

use std::os::unix::fs::PermissionsExt;

use crate::Named;
use crate::app::{own_address, words};
use crate::harness::scratch::Scratch;
use crate::harness::wait::{Stopwatch, started};
use crate::running::{goes_on, is_reached};
use crate::scene::Scene;
use crate::start::fails;
use crate::table::{Row, answer, metric};

pub(crate) const FAULTS: [Named; 14] = [
    ("`wake` missing", wake_missing),
    ("`wake` fails", wake_fails),
    ("`wake` hangs, with children", wake_hangs),
    ("`wake` prints a gigabyte", wake_prints_a_gigabyte),
    ("never ready", never_ready),
    ("exits after it was ready", exits_after_it_was_ready),
    ("`state` missing, and no `wake`", state_and_wake_missing),
    ("`state` missing, `wake` missing, the app runs", both_missing_under_a_running_app),
    ("`suspend` missing", suspend_missing),
    ("`suspend` fails", suspend_fails),
    ("`suspend` hangs", suspend_hangs),
    ("ignores SIGTERM", ignores_sigterm),
    ("`state` fails at a suspension", state_fails),
    ("`state` prints garbage at a suspension", state_prints_garbage),
];

/// A process that nobody has waited for runs no more.
const STATE: &str = "exec 2> /dev/null; case \"$(cut -d' ' -f3 /proc/$(cat pid || echo none)/stat)\" in \
                     ''|Z|X) echo suspended;; *) echo running;; esac";
const SUSPEND: &str = "echo >> stopped; kill $(cat pid)";

/// The programs of one app, as scripts of a shell.
struct Programs {
    wake: String,
    suspend: String,
    state: String,
    app: &'static str,
    more: &'static str,
    address: String,
}

impl Programs {
    fn good() -> Programs {
        let address = own_address().to_string();
        Programs {
            wake: wake("", &words(&address)),
            suspend: SUSPEND.to_owned(),
            state: STATE.to_owned(),
            app: "",
            more: "",
            address,
        }
    }

    /// One that is left soon. A program that does its work has time for it on a machine with much to do.
    fn idle() -> Programs {
        Programs { app: "idle_after = \"2s\"", more: "stop_timeout = \"5s\"", ..Programs::good() }
    }

    fn start(self) -> Scene {
        self.start_in(Scratch::new())
    }

    fn start_in(self, folder: Scratch) -> Scene {
        let program = |script: &str| match script.strip_prefix("./") {
            Some(_) => format!("[{script:?}]"),
            None => format!("[\"sh\", \"-c\", {script:?}]"),
        };
        let driver = format!(
            "kind = \"command\"\nwake = {}\nsuspend = {}\nstate = {}\ndir = {:?}\n{}",
            program(&self.wake),
            program(&self.suspend),
            program(&self.state),
            folder.path().display().to_string(),
            self.more
        );
        let app = format!("upstream = \"http://{}\"\n{}", self.address, self.app);
        Scene::start(folder, &app, &driver)
    }
}

/// Starts this program, and leaves it.
fn wake(before: &str, program: &str) -> String {
    format!("echo >> started; {before} {program} > /dev/null 2>&1 & echo $! > new; mv new pid")
}

/// Does this as long as there is no file `go`.
fn unless_go(fault: &str, script: &str) -> String {
    format!("test -e go || {{ {fault}; }}; {script}")
}

/// A program where there was none.
fn install(scene: &Scene, name: &str, script: &str) {
    let (new, path) = (scene.folder().join("script"), scene.folder().join(name));
    std::fs::write(&new, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&new, PermissionsExt::from_mode(0o755)).unwrap();
    std::fs::rename(new, path).unwrap();
}

fn wake_missing() -> Row {
    let good = Programs::good();
    let script = good.wake.clone();
    let scene = Programs { wake: "./wake".to_owned(), ..good }.start();
    fails(&scene, "`wake` (\"./wake\"): it cannot be run: No such file", |scene| {
        install(scene, "wake", &script);
    })
}

fn wake_fails() -> Row {
    let good = Programs::good();
    let fault = "echo >> started; echo Unit demo.service not found. >&2; exit 5";
    let scene = Programs { wake: unless_go(fault, &good.wake), ..good }.start();
    let words = "it exited with status 5; its last line: Unit demo.service not found.";
    let row = fails(&scene, words, |scene| scene.touch("go"));
    assert_eq!(scene.lines("started") as u64, scene.wakes("failure") + 1);
    row
}

fn wake_hangs() -> Row {
    let good = Programs::good();
    let fault = "sleep 1000 & sleep 1000";
    let programs = Programs { wake: unless_go(fault, &good.wake), ..good };
    let scene = Programs { more: "ready_timeout = \"1s\"", ..programs }.start();
    fails(&scene, "it did not end within 1s, and was killed", |scene| {
        started("its processes are gone", || (scene.processes() == 0).then_some(()));
        scene.touch("go");
    })
}

fn wake_prints_a_gigabyte() -> Row {
    const ALLOWED_BYTES: u64 = 64 << 20;
    let good = Programs::good();
    let wake = format!("yes 'a line that nobody reads' | head -c 1G; {}", good.wake);
    let scene = Programs { wake, more: "ready_timeout = \"10m\"", ..good }.start();
    let before = scene.proxy.resident_bytes();
    let page = scene.visit();
    assert_eq!(page.assert_own(503), "app-starting");
    scene.await_state("running");
    let grown = scene.proxy.resident_bytes().saturating_sub(before);
    assert!(grown < ALLOWED_BYTES, "{grown} bytes more");
    let afterwards = scene.await_entry();
    assert_eq!((scene.lines("started"), scene.printed(), scene.log("WARN").len()), (1, 0, 0));
    Row {
        browser: format!("{}, then the app", answer(&page)),
        other: answer(&scene.ask()),
        log: format!("{} lines of it", scene.printed()),
        metric: metric(&scene),
        afterwards,
    }
}

fn never_ready() -> Row {
    let good = Programs::good();
    let fault = wake("", "true");
    let wake = format!("if test -e go; then {}; else {fault}; fi", good.wake);
    let scene = Programs { wake, more: "ready_timeout = \"1s\"", ..good }.start();
    let row = fails(&scene, "it accepted no connection on", |scene| scene.touch("go"));
    assert_eq!(scene.lines("started") as u64, scene.wakes("failure") + 1);
    row
}

/// Nobody tells Ebbtide but `state`. Whoever comes starts it again.
fn exits_after_it_was_ready() -> Row {
    let good = Programs::good();
    let wake = wake("", &format!("{} 1", words(&good.address)));
    let scene = Programs { wake, ..good }.start();
    let watch = Stopwatch::start();
    let (page, other) = (scene.visit(), scene.ask());
    assert_eq!((page.assert_own(503), other.text()), ("app-starting", "the app"));
    let broken =
        started("it has ended", || Some(scene.ask()).filter(|answer| answer.status() == 502));
    scene.await_state("suspended");
    assert_eq!((scene.lines("started"), scene.log("WARN").len()), (1, 0));
    let again = scene.ask();
    assert_eq!((again.status(), again.text(), scene.lines("started")), (200, "the app", 2));
    assert!(watch.seconds() >= 1.0);
    Row {
        browser: format!("{}, then the app", answer(&page)),
        other: format!("{}, then {}", answer(&other), answer(&broken)),
        log: format!("{} warnings", scene.log("WARN").len()),
        metric: metric(&scene),
        afterwards: format!("seen `suspended`, then {}", answer(&again)),
    }
}

fn state_and_wake_missing() -> Row {
    let good = Programs::good();
    let (wake, state) = (good.wake.clone(), good.state.clone());
    let scene = Programs { wake: "./wake".to_owned(), state: "./state".to_owned(), ..good }.start();
    fails(&scene, "`wake` (\"./wake\"): it cannot be run: No such file", |scene| {
        assert_eq!(scene.blind(), 1);
        install(scene, "wake", &wake);
        install(scene, "state", &state);
    })
}

/// As after a start of Ebbtide, which cannot know that.
fn both_missing_under_a_running_app() -> Row {
    let good = Programs::good();
    let folder = Scratch::new();
    let mut app = std::process::Command::new("sh")
        .args(["-c", &good.wake])
        .current_dir(folder.path())
        .spawn()
        .unwrap();
    assert!(app.wait().unwrap().success());
    let state = good.state.clone();
    let programs = Programs { wake: "./wake".to_owned(), state: "./state".to_owned(), ..good };
    is_reached(&programs.start_in(folder), |scene| install(scene, "state", &state))
}

fn suspend_missing() -> Row {
    let scene = Programs { suspend: "./suspend".to_owned(), ..Programs::idle() }.start();
    used(&scene);
    goes_on(&scene, "`suspend` (\"./suspend\"): it cannot be run: No such file", |scene| {
        install(scene, "suspend", SUSPEND);
    })
}

fn used(scene: &Scene) {
    assert_eq!(scene.ask().text(), "the app");
}

fn suspend_fails() -> Row {
    let suspend = unless_go("echo >> stopped; echo no access >&2; exit 1", SUSPEND);
    let scene = Programs { suspend, ..Programs::idle() }.start();
    used(&scene);
    goes_on(&scene, "it exited with status 1; its last line: no access", |scene| {
        assert_eq!(scene.lines("stopped"), 1);
        scene.touch("go");
    })
}

fn suspend_hangs() -> Row {
    let suspend = unless_go("echo >> stopped; sleep 1000", SUSPEND);
    let scene = Programs { suspend, ..Programs::idle() }.start();
    used(&scene);
    goes_on(&scene, "it did not end within 5s, and was killed", |scene| {
        assert_eq!((scene.lines("stopped"), scene.processes()), (1, 1));
        scene.touch("go");
    })
}

/// A state that does not change.
fn ignores_sigterm() -> Row {
    let good = Programs::idle();
    let wake = format!("trap '' TERM; {}", good.wake);
    let suspend = format!("test -e go && kill -KILL $(cat pid); {SUSPEND}; true");
    let scene = Programs { wake, suspend, ..good }.start();
    used(&scene);
    goes_on(&scene, "still running when `stop_timeout` is over", |scene| {
        assert_eq!(scene.lines("stopped"), 1);
        scene.touch("go");
    })
}

/// The app cannot be seen, so nothing is done to stop it.
fn blind_suspension(fault: &str, words: &str) -> Row {
    let good = Programs::idle();
    let state = format!("test -e fault && {{ {fault}; }}; {STATE}");
    let suspend = unless_go("echo >> stopped; exit 0", SUSPEND);
    let scene = Programs { state, suspend, ..good }.start();
    used(&scene);
    scene.touch("fault");
    goes_on(&scene, words, |scene| {
        assert_eq!(scene.lines("stopped"), 0);
        std::fs::remove_file(scene.folder().join("fault")).unwrap();
        scene.touch("go");
    })
}

fn state_fails() -> Row {
    blind_suspension("exit 4", "`state` (\"sh\"): it exited with status 4")
}

fn state_prints_garbage() -> Row {
    blind_suspension("echo active; exit 0", "it printed \"active\", which is none of")
}
