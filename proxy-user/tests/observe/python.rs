//! A virtual environment with `websockets` from PyPI, made once below the target folder, and the
//! server of the incident in it.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use crate::harness::cgroup::Cgroup;
use crate::harness::wait::started;

/// The environment's interpreter.
#[derive(Debug)]
pub(crate) struct Python(PathBuf);

impl Python {
    /// Makes the environment if it is not there yet; the reason where it cannot be had.
    pub(crate) fn find() -> Result<Python, String> {
        let Some(target) = option_env!("CARGO_TARGET_TMPDIR").map(Path::new) else {
            return Err("no target folder".to_owned());
        };
        if !target.is_dir() {
            return Err("the target folder is elsewhere".to_owned());
        }
        let folder = target.join("observe-venv");
        let python = Python(folder.join("bin/python"));
        if python.has_websockets() {
            return Ok(python);
        }
        let folder = folder.display().to_string();
        run(Command::new("python3").args(["-m", "venv", &folder]))?;
        let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
        run(Command::new(&python.0).args(install).arg("websockets>=13"))?;
        python.has_websockets().then_some(python).ok_or("websockets does not import".to_owned())
    }

    fn has_websockets(&self) -> bool {
        run(Command::new(&self.0).args(["-c", "import websockets.sync.server"])).is_ok()
    }

    /// The version of `websockets`, for the record.
    pub(crate) fn version(&self) -> String {
        let code = "import sys, websockets; print(websockets.__version__, 'on', sys.version)";
        let output = Command::new(&self.0).args(["-c", code]).output().unwrap();
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("{command:?}: {error}"))?;
    let message = || format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.status.success().then_some(()).ok_or_else(message)
}

/// The server of `server.py` in a cgroup of its own.
pub(crate) struct Server {
    child: Child,
    words: Arc<Mutex<Vec<String>>>,
    pub(crate) address: SocketAddr,
    /// Removed after the server in it has ended.
    pub(crate) cgroup: Cgroup,
}

impl Server {
    pub(crate) fn start(python: &Python) -> Result<Server, String> {
        Server::start_behind(python, &[])
    }

    /// Behind the words of a wrapper that ends in an exec.
    pub(crate) fn start_behind(python: &Python, wrapper: &[String]) -> Result<Server, String> {
        let cgroup = Cgroup::create()?;
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/observe/server.py");
        let mut words = cgroup.wrapper();
        words.extend_from_slice(wrapper);
        words.extend([python.0.display().to_string(), script.to_owned()]);
        let mut child = Command::new(&words[0])
            .args(&words[1..])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| error.to_string())?;
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let words = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&words);
        std::thread::spawn(move || {
            lines.map_while(Result::ok).for_each(|line| heard.lock().unwrap().push(line));
        });
        let port = started("the server's port", || {
            words.lock().unwrap().first()?.strip_prefix("port ")?.parse().ok()
        });
        Ok(Server { child, words, address: SocketAddr::from(([127, 0, 0, 1], port)), cgroup })
    }

    /// How often it said this.
    pub(crate) fn said(&self, word: &str) -> usize {
        self.words.lock().unwrap().iter().filter(|said| *said == word).count()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
