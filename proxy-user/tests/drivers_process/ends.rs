//! How apps end, and what is told of it.

use std::time::Duration;

use ebbtide::core::lifecycle::Observed;
use ebbtide::drivers::Driver;
use libtest_mimic::Failed;

use crate::harness::wait::{eventually, pause};
use crate::scene::{RUNTIME, Scene, config, runs};

pub(crate) fn an_exit_is_told_with_its_last_words(scene: &Scene) -> Result<(), Failed> {
    let app = scene.sh("echo started; echo no such module >&2; echo; exit 3");
    app.start();
    assert_eq!(app.exit(), "it exited with status 3; its last line: no such module");
    assert_eq!(RUNTIME.block_on(app.driver.observe())?, Observed::Suspended);
    assert_eq!(app.driver.output().len(), 3);
    assert_eq!(app.driver.cgroup(), None);
    Ok(())
}

pub(crate) fn a_signal_is_told_by_its_name(scene: &Scene) -> Result<(), Failed> {
    let app = scene.sh("kill -SEGV $$");
    app.start();
    assert_eq!(app.exit(), "it was ended by SIGSEGV");
    Ok(())
}

pub(crate) fn a_stop_is_no_exit(scene: &Scene) -> Result<(), Failed> {
    let app = scene.sh("echo me $$; exec sleep 1000");
    app.start();
    let id = app.id("me");
    assert_eq!(RUNTIME.block_on(app.driver.observe())?, Observed::Running);
    app.stop();
    assert!(!runs(id));
    assert_eq!(RUNTIME.block_on(app.driver.observe())?, Observed::Suspended);
    // One that is down can be stopped.
    app.stop();
    assert!(app.is_silent());
    Ok(())
}

pub(crate) fn an_app_may_say_goodbye(scene: &Scene) -> Result<(), Failed> {
    let app = scene.sh("trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.05; done");
    app.start();
    app.says("up");
    app.stop();
    // The shell may also say that its `sleep` was terminated.
    assert!(app.driver.output().contains(&"bye".to_owned()));
    Ok(())
}

pub(crate) fn what_ignores_sigterm_is_killed(scene: &Scene) -> Result<(), Failed> {
    let script = "trap '' TERM; echo me $$; while :; do sleep 1; done";
    let mut config = config(&["sh", "-c", script]);
    config.stop_timeout = Duration::from_millis(200);
    let app = scene.app(config, None);
    app.start();
    let id = app.id("me");
    app.stop();
    assert!(!runs(id));
    assert!(app.is_silent());
    Ok(())
}

/// Not its first process only: each may have something to finish.
pub(crate) fn a_stop_reaches_all_processes(scene: &Scene) -> Result<(), Failed> {
    let app = scene.sh(
        "sh -c \"trap 'echo child bye; exit' TERM; echo child; while :; do sleep 0.05; done\" &
         trap 'wait; echo bye; exit' TERM; while :; do sleep 0.05; done",
    );
    app.start();
    app.says("child");
    app.stop();
    let said = app.driver.output();
    assert!(said.contains(&"child bye".to_owned()), "{said:?}");
    Ok(())
}

/// It would otherwise be there until `stop_timeout`.
pub(crate) fn what_is_forked_at_the_end_is_asked_too(scene: &Scene) -> Result<(), Failed> {
    const LATE: &str = "\
import os, signal, sys
def late(*_):
    print('late bye', flush=True)
    os._exit(0)
def end(*_):
    heard, tell = os.pipe()
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, late)
        os.write(tell, b'x')
        while True: signal.pause()
    os.read(heard, 1)
    os._exit(0)
signal.signal(signal.SIGTERM, end)
print('up', flush=True)
while True: signal.pause()
";
    let app = scene.app(config(&["python3", "-c", LATE]), None);
    app.start();
    app.says("up");
    app.stop();
    assert_eq!(app.driver.output(), ["up", "late bye"]);
    Ok(())
}

/// Before its end nobody there knows that the app is up.
pub(crate) fn an_exit_in_a_handover_is_told_after_it(scene: &Scene) -> Result<(), Failed> {
    /// Longer than the last words of an app are waited for.
    const A_WHILE: Duration = Duration::from_secs(2);
    let (old, new) = (scene.sh("echo me $$; exec sleep 1000"), scene.sh("exec sleep 1000"));
    old.start();
    let id = old.id("me");
    new.driver.adopt(old.driver.papers().unwrap())?;
    // SAFETY: plain numbers, of a process that nobody has waited for.
    assert_eq!(unsafe { libc::kill(libc::pid_t::try_from(id)?, libc::SIGKILL) }, 0);
    old.exit();
    eventually("it is down", || {
        let observed = RUNTIME.block_on(new.driver.observe()).unwrap();
        (observed == Observed::Suspended).then_some(())
    });
    pause(A_WHILE);
    assert!(new.is_silent());
    new.driver.released();
    assert!(new.exit().starts_with("it has ended, with a status that is not known"));
    Ok(())
}

pub(crate) fn it_starts_again_after_an_exit(scene: &Scene) -> Result<(), Failed> {
    let flag = scene.path("flag");
    let flag = flag.display();
    let app =
        scene.sh(&format!("test -e {flag} || {{ touch {flag}; exit 1; }}; echo me $$; sleep 1000"));
    app.start();
    assert_eq!(app.exit(), "it exited with status 1");
    app.start();
    let id = app.id("me");
    assert!(runs(id));
    app.stop();
    assert!(!runs(id));
    Ok(())
}
