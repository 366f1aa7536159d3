//! One driver with what it tells, and looks at its processes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, LazyLock, OnceLock};
use std::time::Duration;

use ebbtide::config::{self, Upstream};
use ebbtide::drivers::process::{ProcessDriver, Supervisor};
use ebbtide::drivers::{Driver, Notice};
use tokio::runtime::Runtime;

use crate::harness::scratch::{Scratch, unique};
use crate::harness::wait::{PATIENCE, eventually};

/// What holds the processes of an app together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Cgroup,
    Session,
}

impl Mode {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Mode::Cgroup => "cgroup",
            Mode::Session => "session",
        }
    }

    pub(crate) fn supervisor(self) -> Arc<Supervisor> {
        let guard = Path::new(env!("CARGO_BIN_EXE_ebbtide"));
        match self {
            Mode::Cgroup => Supervisor::with_guard(guard),
            Mode::Session => Supervisor::without_cgroups(guard),
        }
    }

    fn shared(self) -> Arc<Supervisor> {
        static EACH: [OnceLock<Arc<Supervisor>>; 2] = [OnceLock::new(), OnceLock::new()];
        let place = usize::from(self == Mode::Session);
        Arc::clone(EACH[place].get_or_init(|| self.supervisor()))
    }
}

pub(crate) static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

/// The driver of a test.
pub(crate) struct App {
    /// Which no other test's app has: its cgroup is called so.
    pub(crate) name: String,
    pub(crate) driver: ProcessDriver,
    notices: Receiver<Notice>,
}

pub(crate) struct Scene {
    pub(crate) mode: Mode,
    scratch: Scratch,
}

impl Scene {
    pub(crate) fn new(mode: Mode) -> Scene {
        Scene { mode, scratch: Scratch::new() }
    }

    /// Runs a shell's script.
    pub(crate) fn sh(&self, script: &str) -> App {
        self.app(config(&["sh", "-c", script]), None)
    }

    pub(crate) fn app(&self, config: config::ProcessDriver, upstream: Option<Upstream>) -> App {
        let (tell, notices) = mpsc::channel();
        let _inside = RUNTIME.enter();
        let listener = Arc::new(move |notice| _ = tell.send(notice));
        let name = unique("demo-");
        let driver = ProcessDriver::new(&name, config, upstream, listener, self.mode.shared());
        App { name, driver, notices }
    }

    /// A file that does not exist.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        let path = self.scratch.file(name, "");
        std::fs::remove_file(&path).unwrap();
        path
    }

    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        self.scratch.file(name, text)
    }
}

/// A driver's configuration with short times.
pub(crate) fn config(command: &[&str]) -> config::ProcessDriver {
    config::ProcessDriver {
        command: command.iter().map(|&word| word.to_owned()).collect(),
        dir: None,
        env: BTreeMap::new(),
        ready_path: None,
        ready_timeout: Duration::from_secs(60),
        stop_timeout: PATIENCE,
    }
}

impl App {
    pub(crate) fn start(&self) {
        RUNTIME.block_on(self.driver.start()).unwrap();
    }

    pub(crate) fn stop(&self) {
        RUNTIME.block_on(self.driver.stop()).unwrap();
    }

    pub(crate) fn refusal(&self) -> String {
        RUNTIME.block_on(self.driver.start()).unwrap_err().to_string()
    }

    /// The words of the exit that is told.
    pub(crate) fn exit(&self) -> String {
        match self.notices.recv_timeout(PATIENCE * 4).expect("an exit is told") {
            Notice::Exited(failure) => failure.to_string(),
            Notice::Observed(observed) => panic!("it was {observed:?}"),
        }
    }

    /// Nothing was told.
    pub(crate) fn is_silent(&self) -> bool {
        self.notices.try_recv().is_err()
    }

    /// Waits until it has printed a line that starts so, and gives the rest.
    pub(crate) fn says(&self, start: &str) -> String {
        eventually(&format!("a line {start:?}"), || {
            let lines = self.driver.output();
            lines.iter().find_map(|line| line.strip_prefix(start).map(str::to_owned))
        })
    }

    /// A process id that it prints behind this word.
    pub(crate) fn id(&self, word: &str) -> u32 {
        self.says(&format!("{word} ")).parse().unwrap()
    }
}

/// Whether the process runs: it is there, and not only waits to be noticed.
pub(crate) fn runs(id: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, state)| !state.starts_with(['Z', 'X']))
}

pub(crate) fn await_end(ids: &[u32]) {
    eventually(&format!("the end of {ids:?}"), || ids.iter().all(|id| !runs(*id)).then_some(()));
}

/// A line of `/proc/ID/status`.
pub(crate) fn status(id: u32, name: &str) -> String {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim_start_matches(':').trim().to_owned()
}

/// The numbers of its open descriptors.
pub(crate) fn descriptors(id: u32) -> Vec<u32> {
    let entries = std::fs::read_dir(format!("/proc/{id}/fd")).unwrap();
    let mut numbers: Vec<u32> = entries
        .map(|entry| entry.unwrap().file_name().to_str().unwrap().parse().unwrap())
        .collect();
    numbers.sort_unstable();
    numbers
}

/// A Python program whose grandchild leaves the session and its parent, and prints its id; then it prints
/// its own.
pub(crate) const ESCAPES: &str = "\
import os, sys, time
heard, tell = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        print('grandchild', os.getpid(), flush=True)
        os.write(tell, b'x')
        time.sleep(1000)
    os._exit(0)
os.wait()
os.read(heard, 1)
print('main', os.getpid(), flush=True)
time.sleep(1000)
";
