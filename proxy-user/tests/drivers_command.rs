//! `kind = "command"`: what programs may do, and what becomes of the app's state then.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail")]

mod harness;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ebbtide::config::{self, Config};
use ebbtide::core::lifecycle::Observed;
use ebbtide::drivers::command::CommandDriver;
use ebbtide::drivers::{Driver, DriverError};
use harness::scratch::Scratch;
use harness::wait::{PATIENCE, eventually};

const TRUE: &str = "[\"true\"]";
const RUNNING: &str = "[\"echo\", \"running\"]";
const SUSPENDED: &str = "[\"echo\", \"suspended\"]";

/// A program that `sh` reads from here.
fn sh(script: &str) -> String {
    format!("[\"sh\", \"-c\", {script:?}]")
}

/// The driver of an app whose folder is the scratch.
fn driver(scratch: &Scratch, wake: &str, suspend: &str, state: &str, more: &str) -> CommandDriver {
    let text = format!(
        "[[app]]\nname = \"demo\"\nupstream = \"http://127.0.0.1:1\"\n[app.driver]\nkind = \"command\"\n\
         wake = {wake}\nsuspend = {suspend}\nstate = {state}\ndir = {:?}\n{more}\n",
        scratch.path().display().to_string()
    );
    let parsed = Config::parse(&text, "t.toml".as_ref()).unwrap();
    let Some(config::Driver::Command(driver)) = parsed.config.apps[0].driver.clone() else {
        panic!("{text}")
    };
    CommandDriver::new("demo", driver)
}

/// One whose app is a file: it runs while the file is there.
fn simple(scratch: &Scratch, more: &str) -> CommandDriver {
    let state = sh("test -e up && echo running || echo suspended");
    driver(scratch, &sh("echo $EBBTIDE_APP $MORE > up"), &sh("rm up"), &state, more)
}

fn state(scratch: &Scratch, state: &str) -> CommandDriver {
    driver(scratch, TRUE, TRUE, state, "stop_timeout = \"1s\"")
}

fn said<T>(result: Result<T, DriverError>) -> String {
    result.err().expect("it failed").to_string()
}

/// The process whose id a script wrote into this file.
fn process(file: &Path) -> PathBuf {
    eventually("a script tells its process", || {
        let id = fs::read_to_string(file).ok()?;
        let id: u32 = id.trim().parse().ok()?;
        Some(Path::new("/proc").join(id.to_string()))
    })
}

#[tokio::test]
async fn programs_start_and_stop_the_app() {
    let scratch = Scratch::new();
    let driver = simple(&scratch, "env = { MORE = \"and more\" }");
    assert_eq!(driver.observe().await.unwrap(), Observed::Suspended);
    driver.start().await.unwrap();
    assert_eq!(driver.observe().await.unwrap(), Observed::Running);
    assert_eq!(fs::read_to_string(scratch.path().join("up")).unwrap(), "demo and more\n");
    driver.stop().await.unwrap();
    assert_eq!(driver.observe().await.unwrap(), Observed::Suspended);
    assert!(driver.look_every().is_some());
}

#[tokio::test]
async fn states_are_three_words() {
    let scratch = Scratch::new();
    for (prints, observed) in [
        ("echo running; echo a warning >&2", Observed::Running),
        ("printf ' starting \\n\\n'", Observed::Starting),
        ("printf suspended", Observed::Suspended),
    ] {
        assert_eq!(state(&scratch, &sh(prints)).observe().await.unwrap(), observed, "{prints}");
    }
}

/// None of these is a state, and the words tell why.
#[tokio::test]
async fn what_tells_no_state_is_an_error() {
    let scratch = Scratch::new();
    for (program, words) in [
        ("[\"no-such-program\"]".to_owned(), "cannot be run: No such file"),
        (
            format!("[{:?}]", scratch.file("plain", "").display().to_string()),
            "cannot be run: Permission",
        ),
        (sh("echo running; exit 3"), "exited with status 3"),
        (sh("echo running; echo no access >&2; exit 1"), "its last line: no access"),
        (sh("kill -9 $$"), "SIGKILL"),
        (sh(":"), "printed nothing"),
        (sh("echo active"), "printed \"active\", which is none of running, starting and suspended"),
        (sh("echo running suspended"), "none of"),
        (sh("printf '\\377\\376running'"), "none of"),
        (sh("head -c 300000 /dev/zero"), "none of"),
        (sh("echo running; sleep 100 &"), "still holds its output"),
    ] {
        let driver = state(&scratch, &program);
        let error = said(driver.observe().await);
        assert!(error.starts_with("`state` (\"") && error.contains(words), "{program}: {error}");
        assert!(error.len() < 500 && error.lines().count() == 1, "{program}: {error}");
        let error = said(driver.stop().await);
        assert!(error.contains("nobody can tell whether it is down"), "{program}: {error}");
    }
}

#[tokio::test]
async fn wishes_that_fail() {
    let scratch = Scratch::new();
    for (program, words) in [
        ("[\"no-such-program\", \"s3cret\"]".to_owned(), "check the program, `dir` and PATH"),
        (
            sh("echo first; echo Unit demo.service not found. >&2; exit 5"),
            "exited with status 5; its last line: Unit demo.service not found.",
        ),
        (sh("kill -15 $$"), "SIGTERM"),
        (sh("sleep 100"), "did not end within 1s, and was killed"),
    ] {
        let limits = "ready_timeout = \"1s\"\nstop_timeout = \"1s\"";
        let down = driver(&scratch, &program, &program, SUSPENDED, limits);
        let error = said(down.start().await);
        assert!(error.starts_with("`wake` (\"") && error.contains(words), "{program}: {error}");
        assert!(!error.contains("s3cret"), "{error}");
        // Some fail when it is so already.
        down.stop().await.unwrap();
        let up = driver(&scratch, &program, &program, RUNNING, limits);
        let error = said(up.stop().await);
        assert!(error.starts_with("`suspend` (\"") && error.contains(words), "{program}: {error}");
        up.start().await.unwrap();
    }
    let down = driver(&scratch, &sh("echo one; echo two >&2; exit 1"), TRUE, SUSPENDED, "");
    said(down.start().await);
    let mut output = down.output();
    output.sort();
    assert_eq!(output, ["one", "two"]);
}

#[tokio::test]
async fn a_state_that_never_changes() {
    let scratch = Scratch::new();
    let stuck = state(&scratch, RUNNING);
    let error = said(stuck.stop().await);
    assert!(error.contains("still running when `stop_timeout` is over"), "{error}");
}

/// With all that it has started, when it is late and when nobody waits any more.
#[tokio::test]
async fn a_program_that_hangs_is_killed_whole() {
    let scratch = Scratch::new();
    let hangs = sh("sh -c 'echo $$ > child; exec sleep 1000' & echo $$ > leader; sleep 1000");
    let late = driver(&scratch, &hangs, TRUE, SUSPENDED, "ready_timeout = \"1s\"");
    let error = said(late.start().await);
    assert!(error.contains("did not end within 1s"), "{error}");
    let gone = |name: &str| {
        let file = scratch.path().join(name);
        let process = process(&file);
        eventually("it is gone", || is_gone(&process).then_some(()));
        fs::remove_file(file).unwrap();
    };
    gone("leader");
    gone("child");

    let dropped = Arc::new(driver(&scratch, &hangs, TRUE, SUSPENDED, ""));
    let starting = Arc::clone(&dropped);
    let start = tokio::spawn(async move { starting.start().await });
    let child = scratch.path().join("child");
    let runs = async {
        while fs::read_to_string(&child).is_ok_and(|id| id.ends_with('\n')).eq(&false) {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, runs).await.expect("it runs");
    start.abort();
    assert!(start.await.unwrap_err().is_cancelled());
    gone("leader");
    gone("child");
}

/// Dead, or dead and not yet waited for.
fn is_gone(process: &Path) -> bool {
    let stat = fs::read_to_string(process.join("stat")).unwrap_or_default();
    stat.is_empty() || stat.rsplit(')').next().is_some_and(|rest| rest.trim().starts_with('Z'))
}

/// What a program starts and leaves running is left alone: it may be the app.
#[tokio::test]
async fn what_is_left_running_runs_on() {
    let scratch = Scratch::new();
    let wake = sh("sleep 1000 & echo $! > app");
    let driver = driver(&scratch, &wake, &sh("kill $(cat app)"), SUSPENDED, "");
    driver.start().await.unwrap();
    let app = process(&scratch.path().join("app"));
    assert!(!is_gone(&app));
    driver.stop().await.unwrap();
    eventually("it is gone", || is_gone(&app).then_some(()));
}

#[tokio::test]
async fn a_gigabyte_is_not_kept() {
    let scratch = Scratch::new();
    let prints =
        sh("head -c 1073741824 /dev/zero | tr '\\\\0' x; echo; yes | head -c 1000000; echo last");
    let driver = driver(&scratch, &prints, TRUE, RUNNING, "ready_timeout = \"10m\"");
    let before = resident();
    driver.start().await.unwrap();
    let grown = resident().saturating_sub(before);
    assert!(grown < 64 * 1024, "{grown} KiB");
    let output = driver.output();
    assert!(output.len() <= 20 && output.iter().all(|line| line.len() < 5000), "{}", output.len());
    assert!(output.iter().any(|line| line == "last"), "{output:?}");
}

/// Memory of this process in KiB.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
