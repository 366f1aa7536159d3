//! An app that a proxy starts, and what it says of itself.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::harness::http::{Message, request};
use crate::harness::proxy::Proxy;
use crate::harness::scratch::unique;
use crate::harness::setup::Setup;
use crate::harness::wait::started;

const APP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sleep/app.py");

/// What a browser sends when somebody opens a page.
pub(crate) const OPENS: &str = "Accept: text/html\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n\
                                Sec-Fetch-Site: none\r\nSec-Fetch-User: ?1\r\n";

/// Where the app writes.
#[derive(Debug)]
pub(crate) struct Notes(PathBuf);

impl Notes {
    pub(crate) fn new() -> Notes {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(unique("ebbtide-sleep-"));
        std::fs::create_dir(&folder).unwrap();
        Notes(folder)
    }

    /// The lines of one file.
    pub(crate) fn lines(&self, name: &str) -> Vec<String> {
        let text = std::fs::read_to_string(self.0.join(name)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// How often the app was started.
    pub(crate) fn starts(&self) -> usize {
        self.lines("started").len()
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.join(name), text).unwrap();
    }

    /// The command that starts the app, which listens after so many seconds.
    pub(crate) fn command(&self, delay: f64) -> Vec<String> {
        let folder = self.0.display().to_string();
        let words = ["python3", APP, "{port}", &folder, &delay.to_string()];
        words.map(str::to_owned).to_vec()
    }
}

impl Drop for Notes {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A proxy in front of one app of this command, with these further lines.
pub(crate) fn setup(command: &[String], lines: &str, driver_lines: &str) -> Setup {
    Setup::new().section(&format!(
        "[[app]]\nname = \"demo\"\n{lines}\n[app.driver]\nkind = \"process\"\ncommand = {command:?}\n{driver_lines}\n"
    ))
}

/// What the API says of the app.
pub(crate) fn demo(proxy: &Proxy) -> Value {
    serde_json::from_slice(&proxy.admin("/api/apps/demo", "").body).unwrap()
}

/// Waits until the API says that the app is so.
pub(crate) fn await_state(proxy: &Proxy, state: &str) {
    started(&format!("the app is {state}"), || (demo(proxy)["state"] == state).then_some(()));
}

/// One GET with these fields.
pub(crate) fn get(proxy: &Proxy, target: &str, fields: &str) -> Message {
    let mut wire = proxy.connect();
    let fields = format!("Connection: close\r\n{fields}");
    wire.send(request("GET", "a.test", target, &fields));
    Message::read_response(&mut wire, "GET")
}

/// Whether a process of this app runs.
pub(crate) fn runs(notes: &Notes) -> bool {
    running(notes) > 0
}

/// How many processes of this app run.
pub(crate) fn running(notes: &Notes) -> usize {
    processes(notes).len()
}

/// The processes of this app.
pub(crate) fn processes(notes: &Notes) -> Vec<u32> {
    let folder = notes.0.display().to_string();
    let is_its = |id: &u32| {
        let line = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        let has = |word: &str| line.split(|byte| *byte == 0).any(|one| one == word.as_bytes());
        has(&folder) && has(APP)
    };
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter(is_its).collect()
}
