//! How the process is made.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use ebbtide::descriptors::Descriptors;
use ebbtide::drivers::Driver;
use libtest_mimic::Failed;

use crate::scene::{RUNTIME, Scene, config, descriptors, runs, status};

pub(crate) fn port_and_folder_and_environment(scene: &Scene) -> Result<(), Failed> {
    let script = "echo one $PORT; echo two {port}; echo three $1; echo dir $(pwd); echo x $X; exec sleep 1000";
    let mut config = config(&["sh", "-c", script, "sh", "--port={port}"]);
    config.dir = Some("/proc".into());
    config.env.insert("X".to_owned(), "y z".to_owned());
    let app = scene.app(config.clone(), None);
    assert_eq!(app.driver.upstream(), None);
    app.start();
    let port = app.driver.upstream().unwrap().port();
    assert_eq!(app.driver.upstream().unwrap().to_string(), format!("http://127.0.0.1:{port}"));
    assert_eq!(app.says("one "), port.to_string());
    assert_eq!(app.says("two "), port.to_string());
    assert_eq!(app.says("three "), format!("--port={port}"));
    assert_eq!(app.says("dir "), "/proc");
    assert_eq!(app.says("x "), "y z");
    app.stop();
    config.env.insert("PORT".to_owned(), "own".to_owned());
    let app = scene.app(config, None);
    app.start();
    assert_eq!(app.says("one "), "own");
    Ok(())
}

pub(crate) fn the_port_is_kept(scene: &Scene) -> Result<(), Failed> {
    let app = scene.sh("exec sleep 1000");
    let port = || app.driver.upstream().unwrap().port();
    app.start();
    let first = port();
    app.stop();
    app.start();
    assert_eq!(port(), first);
    app.stop();
    let taken = TcpListener::bind(("127.0.0.1", first))?;
    app.start();
    let second = port();
    assert_ne!(second, first);
    drop(taken);
    app.stop();
    app.start();
    assert_eq!(port(), second);
    Ok(())
}

pub(crate) fn started_twice_is_one_process(scene: &Scene) -> Result<(), Failed> {
    let file = scene.path("starts");
    let app = scene.sh(&format!("echo $$ >> {}; echo me $$; exec sleep 1000", file.display()));
    app.start();
    app.start();
    let id = app.id("me");
    app.start();
    assert_eq!(std::fs::read_to_string(&file)?, format!("{id}\n"));
    app.stop();
    app.start();
    assert_ne!(app.id("me"), id);
    Ok(())
}

pub(crate) fn what_cannot_be_started_says_why(scene: &Scene) -> Result<(), Failed> {
    let plain = scene.file("plain", "#!/bin/sh\n");
    let orphan = scene.file("orphan", "#!/no/such/interpreter\n");
    std::fs::set_permissions(&orphan, std::fs::Permissions::from_mode(0o755))?;
    let text = |path: &std::path::Path| path.display().to_string();
    let cases = [
        ("no-such-command".to_owned(), "\"no-such-command\" is in no folder of PATH (/"),
        ("/no/such/command".to_owned(), "there is no command \"/no/such/command\""),
        (text(&plain), "is not executable for this user: chmod +x"),
        (text(&orphan), "names an interpreter that is not there"),
        ("/".to_owned(), "is not executable"),
    ];
    for (command, expected) in cases {
        let app = scene.app(config(&[&command]), None);
        let said = app.refusal();
        let start = format!("cannot start the app \"{}\": ", app.name);
        assert!(said.starts_with(&start), "{said}");
        assert!(said.contains(expected), "{said}");
        assert!(app.is_silent());
        app.stop();
    }
    let mut nowhere = config(&["sleep", "1000"]);
    nowhere.dir = Some("/no/such/folder".into());
    let said = scene.app(nowhere, None).refusal();
    assert!(said.contains("there is no folder /no/such/folder"), "{said}");
    Ok(())
}

/// Neither descriptors, nor ignored or blocked signals, nor the limit that was raised, nor a terminal.
pub(crate) fn a_process_inherits_nothing(scene: &Scene) -> Result<(), Failed> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    // SAFETY: plain numbers; the descriptor is leaked on purpose, and open for programs that are run.
    let leaked = unsafe { libc::dup(std::os::fd::AsRawFd::as_raw_fd(&listener)) };
    assert!(leaked > 2);
    // SAFETY: plain numbers.
    unsafe { libc::signal(libc::SIGHUP, libc::SIG_IGN) };
    let soft = |id: u32| {
        let limits = std::fs::read_to_string(format!("/proc/{id}/limits")).unwrap();
        let line =
            limits.lines().find(|line| line.starts_with("Max open files")).unwrap().to_owned();
        line.split_whitespace().nth(3).unwrap().to_owned()
    };
    let own = std::process::id();
    // The first of several trials raises it.
    let before = match ebbtide::descriptors::inherited() {
        Some(limit) => limit.rlim_cur.to_string(),
        None => soft(own),
    };
    Descriptors::raise()?;
    let app = scene.sh("echo me $$; exec sleep 1000");
    app.start();
    let id = app.id("me");
    // A program may have a file of its own open as it starts.
    crate::harness::wait::eventually("none but the first three", || {
        (status(id, "Name") == "sleep" && descriptors(id) == [0, 1, 2]).then_some(())
    });
    assert_eq!(std::fs::read_link(format!("/proc/{id}/fd/0"))?.to_str(), Some("/dev/null"));
    // 32 and 33 are the C library's own, which lets nobody set them: what cargo was started with stays.
    const OF_THE_LIBRARY: u64 = 0b11 << 31;
    for signals in ["SigIgn", "SigBlk"] {
        let set = u64::from_str_radix(&status(id, signals), 16)?;
        assert_eq!(set & !OF_THE_LIBRARY, 0, "{signals}");
    }
    assert_eq!(soft(id), before);
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat"))?;
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    assert_eq!([fields[2], fields[3]], [&id.to_string(); 2], "group and session");
    // SAFETY: the descriptor that was made above, and nobody else's.
    unsafe { libc::close(leaked) };
    Ok(())
}

pub(crate) fn a_port_that_is_named_must_be_free(scene: &Scene) -> Result<(), Failed> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    let upstream = format!("http://localhost:{port}").parse().unwrap();
    let app =
        scene.app(config(&["sh", "-c", "echo me $$; echo port $PORT; sleep 1000"]), Some(upstream));
    let said = app.refusal();
    assert!(
        said.contains(&format!("port {port}, which its `upstream` names, is in use")),
        "{said}"
    );
    drop(listener);
    // Another trial's app may be given it for a while.
    crate::harness::wait::eventually("a start", || RUNTIME.block_on(app.driver.start()).ok());
    assert_eq!(app.says("port "), port.to_string());
    assert_eq!(app.driver.upstream().unwrap().to_string(), format!("http://localhost:{port}"));
    assert!(runs(app.id("me")));
    Ok(())
}
