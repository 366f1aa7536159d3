//! A process that holds a driver, and is killed.

use std::io::{BufRead, BufReader, Lines, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;

use ebbtide::drivers::Driver;
use ebbtide::drivers::process::ProcessDriver;
use libtest_mimic::Failed;

use crate::harness::wait::eventually;
use crate::scene::{ESCAPES, Mode, RUNTIME, Scene, await_end, config, descriptors, runs, status};

/// Starts the command, says what it prints, and waits to be killed.
pub(crate) fn hold(mode: &str, command: &[&str]) -> ! {
    let mode = if mode == "cgroup" { Mode::Cgroup } else { Mode::Session };
    let supervisor = mode.supervisor();
    let _inside = RUNTIME.enter();
    let driver = ProcessDriver::new("held", config(command), None, Arc::new(|_| ()), supervisor);
    RUNTIME.block_on(driver.start()).unwrap();
    println!("cgroup {}", driver.cgroup().unwrap_or_default().display());
    let mut said = 0;
    loop {
        let lines = driver.output();
        lines.iter().skip(said).for_each(|line| println!("{line}"));
        said = lines.len();
        crate::harness::wait::pause(std::time::Duration::from_millis(10));
    }
}

/// Starts a program and says its id. Once somebody writes a line, tells the guard more than its pipe has room for:
/// starts and stops a second app again and again. Then waits to be killed.
pub(crate) fn crowd(mode: &str) -> ! {
    /// A pipe has 64 KiB, and each round takes about 200 bytes.
    const ROUNDS: usize = 450;
    let mode = if mode == "cgroup" { Mode::Cgroup } else { Mode::Session };
    let supervisor = mode.supervisor();
    let _inside = RUNTIME.enter();
    let driver = |name: &str, command: &[&str]| {
        ProcessDriver::new(name, config(command), None, Arc::new(|_| ()), Arc::clone(&supervisor))
    };
    let kept = driver("held", &["sh", "-c", "echo main $$; exec sleep 1000"]);
    RUNTIME.block_on(kept.start()).unwrap();
    println!("cgroup {}", kept.cgroup().unwrap_or_default().display());
    println!("{}", eventually("its id", || kept.output().first().cloned()));
    std::io::stdin().read_line(&mut String::new()).unwrap();
    let other = driver(&"a-long-name".repeat(14), &["sleep", "1000"]);
    for _ in 0..ROUNDS {
        RUNTIME.block_on(other.start()).unwrap();
        RUNTIME.block_on(other.stop()).unwrap();
    }
    println!("done");
    loop {
        std::thread::park();
    }
}

struct Holder {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    cgroup: PathBuf,
    ids: Vec<u32>,
}

impl Holder {
    /// Holds a program that escapes.
    fn start(mode: Mode) -> Holder {
        let arguments = ["hold", mode.word(), "python3", "-c", ESCAPES];
        Holder::run(&arguments, &["grandchild ", "main "])
    }

    /// Waits until it has said its cgroup, and these ids.
    fn run(arguments: &[&str], ids: &[&str]) -> Holder {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut holder = Holder { child, lines, cgroup: PathBuf::new(), ids: Vec::new() };
        holder.cgroup = holder.word("cgroup ").into();
        holder.ids = ids.iter().map(|name| holder.word(name).parse().unwrap()).collect();
        assert!(holder.ids.iter().all(|id| runs(*id)));
        holder
    }

    /// What follows this in a line that it prints.
    fn word(&mut self, wanted: &str) -> String {
        let mut lines = self.lines.by_ref().map_while(Result::ok);
        let found = lines.find_map(|line| line.strip_prefix(wanted).map(str::to_owned));
        found.unwrap_or_else(|| panic!("no {wanted:?}"))
    }

    /// The guard that it has started.
    fn guard(&self) -> u32 {
        eventually("a guard", || {
            let entries = std::fs::read_dir("/proc").unwrap().flatten();
            let mut ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
            ids.find(|id: &u32| {
                let status =
                    std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
                let has = |line: String| status.lines().any(|one| one == line);
                runs(*id)
                    && has("Name:\tapp-guard".to_owned())
                    && has(format!("PPid:\t{}", self.child.id()))
            })
        })
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Everything is gone, also the guard.
    fn await_nothing(&self, guard: u32) {
        await_end(&self.ids);
        await_end(&[guard]);
        assert!(!self.cgroup.exists());
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn kill(id: u32, signal: libc::c_int) {
    // SAFETY: plain numbers.
    assert_eq!(unsafe { libc::kill(libc::pid_t::try_from(id).unwrap(), signal) }, 0);
}

pub(crate) fn nothing_outlives_a_killed_ebbtide(scene: &Scene) -> Result<(), Failed> {
    let mut holder = Holder::start(scene.mode);
    let guard = holder.guard();
    holder.kill();
    holder.await_nothing(guard);
    let place = holder.cgroup.parent().and_then(|apps| apps.parent());
    assert!(place.is_none_or(|place| place.as_os_str().is_empty() || !place.exists()));
    Ok(())
}

pub(crate) fn a_guard_that_ends_is_replaced(scene: &Scene) -> Result<(), Failed> {
    let mut holder = Holder::start(scene.mode);
    let first = holder.guard();
    // What a terminal or a service manager sends does not end it.
    for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP] {
        kill(first, signal);
    }
    assert!(runs(first));
    kill(first, libc::SIGKILL);
    await_end(&[first]);
    let second = holder.guard();
    holder.kill();
    holder.await_nothing(second);
    Ok(())
}

/// It would take its closed pipe for the end of Ebbtide.
pub(crate) fn a_guard_that_reads_nothing_ends_no_app(scene: &Scene) -> Result<(), Failed> {
    let mut holder = Holder::run(&["crowd", scene.mode.word()], &["main "]);
    let first = holder.guard();
    kill(first, libc::SIGSTOP);
    writeln!(holder.child.stdin.as_ref().unwrap())?;
    holder.word("done");
    // SAFETY: plain numbers. It may have ended.
    unsafe { libc::kill(libc::pid_t::try_from(first)?, libc::SIGCONT) };
    await_end(&[first]);
    assert!(holder.ids.iter().all(|id| runs(*id)), "they run under a live Ebbtide");
    let second = holder.guard();
    holder.kill();
    holder.await_nothing(second);
    Ok(())
}

pub(crate) fn the_guard_holds_nothing(scene: &Scene) -> Result<(), Failed> {
    let holder = Holder::start(scene.mode);
    let guard = holder.guard();
    // A lock on the folder of its cgroup, where there is one.
    let lock = descriptors(guard)
        .get(3)
        .map(|number| std::fs::read_link(format!("/proc/{guard}/fd/{number}")).unwrap());
    assert!(descriptors(guard).starts_with(&[0, 1, 2]));
    assert_eq!(descriptors(guard).len(), 3 + usize::from(scene.mode == Mode::Cgroup));
    assert!(lock.is_none_or(|folder| holder.cgroup.starts_with(folder)));
    assert_eq!(std::fs::read_link(format!("/proc/{guard}/cwd"))?.to_str(), Some("/"));
    assert_eq!(status(guard, "Threads"), "1");
    let stat = std::fs::read_to_string(format!("/proc/{guard}/stat"))?;
    let session = stat.rsplit_once(')').unwrap().1.split_whitespace().nth(3).unwrap().to_owned();
    assert_eq!(session, guard.to_string());
    Ok(())
}

/// Also the guard was killed: the next Ebbtide finds what they left.
pub(crate) fn what_was_abandoned_is_ended() -> Result<(), Failed> {
    let mut holder = Holder::start(Mode::Cgroup);
    let guard = holder.guard();
    kill(holder.child.id(), libc::SIGSTOP);
    kill(guard, libc::SIGKILL);
    await_end(&[guard]);
    holder.kill();
    assert!(holder.ids.iter().all(|id| runs(*id)), "nobody has ended them");
    let next = Holder::start(Mode::Cgroup);
    await_end(&holder.ids);
    assert!(next.ids.iter().all(|id| runs(*id)), "its own are not touched");
    Ok(())
}

/// What watches the sockets of the one is not to see those of the others.
pub(crate) fn apps_lie_beside_the_proxy() -> Result<(), Failed> {
    let holder = Holder::start(Mode::Cgroup);
    let cgroup = |id: u32| {
        let text = std::fs::read_to_string(format!("/proc/{id}/cgroup")).unwrap();
        text.lines().find_map(|line| line.strip_prefix("0::")).unwrap().to_owned()
    };
    let name = |end: &str| format!("/ebbtide-{}/{end}", holder.child.id());
    assert!(cgroup(holder.child.id()).ends_with(&name("proxy")));
    for id in &holder.ids {
        assert!(cgroup(*id).ends_with(&name("apps/held")), "{}", cgroup(*id));
    }
    Ok(())
}
