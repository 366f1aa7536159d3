//! What apps fork, and what nobody stops.

use std::task::{Context, Waker};

use ebbtide::drivers::Driver;
use libtest_mimic::Failed;

use crate::scene::{ESCAPES, Mode, RUNTIME, Scene, await_end, config, runs};

pub(crate) fn a_daemon_is_told_to_stay(scene: &Scene) -> Result<(), Failed> {
    let app = scene.sh("sleep 1000 & echo child $!; exit 0");
    app.start();
    let said = app.exit();
    assert!(said.starts_with("it exited with status 0 and left 1 process behind"), "{said}");
    await_end(&[app.id("child")]);
    Ok(())
}

pub(crate) fn what_leaves_its_session_is_ended(scene: &Scene) -> Result<(), Failed> {
    let app = scene.app(config(&["python3", "-c", ESCAPES]), None);
    app.start();
    let ids = [app.id("main"), app.id("grandchild")];
    assert!(ids.iter().all(|id| runs(*id)));
    let cgroup = app.driver.cgroup();
    app.stop();
    assert!(!ids.iter().any(|id| runs(*id)));
    assert!(cgroup.is_none_or(|folder| !folder.exists()));
    assert!(app.is_silent());
    Ok(())
}

pub(crate) fn a_dropped_driver_leaves_nothing(scene: &Scene) -> Result<(), Failed> {
    let app = scene.app(config(&["python3", "-c", ESCAPES]), None);
    app.start();
    let ids = [app.id("main"), app.id("grandchild")];
    drop(app);
    await_end(&ids);
    Ok(())
}

/// Whoever gives up waiting for a start, and whether or not the app is stopped afterwards.
pub(crate) fn a_dropped_start_leaves_nothing(scene: &Scene) -> Result<(), Failed> {
    for stop in [true, false] {
        let file = scene.path(&format!("id-{stop}"));
        let app =
            scene.sh(&format!("echo $$ > {0}.new; mv {0}.new {0}; sleep 1000", file.display()));
        let polled = app.driver.start().as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(polled.is_pending());
        if stop {
            app.stop();
        } else {
            // It may have got far enough to be seen, or not.
            let _ = RUNTIME.block_on(app.driver.observe());
        }
        drop(app);
        // The process may have been killed before it could write.
        let id = || std::fs::read_to_string(&file).ok()?.trim().parse().ok();
        await_end(&id().into_iter().collect::<Vec<u32>>());
        crate::harness::wait::eventually("no process of the app", || {
            let mut all = std::fs::read_dir("/proc").unwrap().flatten();
            let name = file.display().to_string();
            let has = |path: std::path::PathBuf| {
                let line = std::fs::read(path.join("cmdline")).unwrap_or_default();
                String::from_utf8_lossy(&line).contains(&name)
            };
            (!all.any(|entry| has(entry.path()))).then_some(())
        });
    }
    Ok(())
}

/// However its run ends.
pub(crate) fn no_cgroup_is_left() -> Result<(), Failed> {
    const ROUNDS: usize = 20;
    let scene = Scene::new(Mode::Cgroup);
    let other = scene.sh("exec sleep 1000");
    other.start();
    let folder = other.driver.cgroup().unwrap();
    let apps = folder.parent().unwrap();
    let left = |app: &str| {
        let all = std::fs::read_dir(apps).unwrap().flatten();
        all.filter(|entry| entry.file_name().to_string_lossy().starts_with(app)).count()
    };
    for _ in 0..ROUNDS {
        let stopped = scene.app(config(&["python3", "-c", ESCAPES]), None);
        stopped.start();
        stopped.says("main ");
        assert_eq!(left(&stopped.name), 1);
        stopped.stop();
        assert_eq!(left(&stopped.name), 0, "stopped");
        let ended = scene.sh("sleep 1000 & exit 1");
        ended.start();
        ended.exit();
        ended.stop();
        assert_eq!(left(&ended.name), 0, "ended by itself");
        let refused = scene.app(config(&["/no/such/command"]), None);
        refused.refusal();
        assert_eq!(left(&refused.name), 0, "could not be started");
        let dropped = scene.sh("exec sleep 1000");
        dropped.start();
        let name = dropped.name.clone();
        drop(dropped);
        crate::harness::wait::eventually("none of one that was dropped", || {
            (left(&name) == 0).then_some(())
        });
    }
    Ok(())
}
