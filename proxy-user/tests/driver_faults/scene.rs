//! A proxy in front of one app with a driver, and everything that it says of it.

use std::path::Path;

use serde_json::Value;

use crate::harness::http::{Message, request};
use crate::harness::proxy::Proxy;
use crate::harness::scratch::Scratch;
use crate::harness::setup::Setup;
use crate::harness::wait::{Stopwatch, started};
use crate::table;

/// What a browser sends when somebody opens a page.
const OPENS: &str = "Accept: text/html,*/*;q=0.8\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n\
                     Sec-Fetch-Site: none\r\nSec-Fetch-User: ?1\r\n";

/// The line of a look that fails.
pub(crate) const BLIND: &str = "cannot see whether the app runs";

pub(crate) struct Scene {
    pub(crate) proxy: Proxy,
    folder: Folder,
}

/// A folder whose processes end with it.
struct Folder(Scratch);

impl Folder {
    fn processes(&self) -> Vec<libc::pid_t> {
        let processes = std::fs::read_dir("/proc").unwrap().flatten();
        let here = processes.filter(|one| {
            std::fs::read_link(one.path().join("cwd")).is_ok_and(|folder| folder == self.0.path())
        });
        here.filter_map(|one| one.file_name().to_str()?.parse().ok()).collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        for id in self.processes() {
            // SAFETY: takes plain numbers, of processes that this test has started.
            unsafe { libc::kill(id, libc::SIGKILL) };
        }
    }
}

impl Scene {
    /// `app`: lines of the app, `driver`: of its driver.
    pub(crate) fn start(folder: Scratch, app: &str, driver: &str) -> Scene {
        Scene { proxy: Scene::setup(app, driver).start(), folder: Folder(folder) }
    }

    pub(crate) fn setup(app: &str, driver: &str) -> Setup {
        let section = format!("[[app]]\nname = \"demo\"\n{app}\n[app.driver]\n{driver}\n");
        Setup::new().section(&section)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.0.path()
    }

    /// Makes a file that the app's commands look for.
    pub(crate) fn touch(&self, name: &str) {
        self.folder.0.file(name, "");
    }

    /// The lines that commands have appended to a file.
    pub(crate) fn lines(&self, name: &str) -> usize {
        let text = std::fs::read_to_string(self.folder().join(name)).unwrap_or_default();
        text.lines().count()
    }

    /// Somebody opens the app's page in a browser.
    pub(crate) fn visit(&self) -> Message {
        self.get("/", OPENS)
    }

    /// The page of somebody who has come already looks again.
    pub(crate) fn look(&self) -> Message {
        self.get("/.ebbtide/wait?to=/", OPENS)
    }

    /// A program asks.
    pub(crate) fn ask(&self) -> Message {
        self.get("/", "User-Agent: curl/8.5.0\r\nAccept: */*\r\n")
    }

    fn get(&self, target: &str, fields: &str) -> Message {
        let mut wire = self.proxy.connect();
        let fields = format!("Connection: close\r\n{fields}");
        wire.send(request("GET", "demo.test", target, &fields));
        Message::read_response(&mut wire, "GET")
    }

    /// What the API says of the app.
    pub(crate) fn api(&self) -> Value {
        serde_json::from_slice(&self.proxy.admin("/api/apps/demo", "").body).unwrap()
    }

    /// Waits until the API and the metric agree that the app is so.
    pub(crate) fn await_state(&self, state: &str) {
        started(&format!("the app is {state}"), || {
            let counted = self.count("ebbtide_app_state", ("state", state));
            (self.api()["state"] == state && counted == 1).then_some(())
        });
    }

    pub(crate) fn wakes(&self, result: &str) -> u64 {
        self.count("ebbtide_wakes_total", ("result", result))
    }

    pub(crate) fn suspends(&self, result: &str) -> u64 {
        self.count("ebbtide_suspends_total", ("result", result))
    }

    fn count(&self, name: &str, label: (&str, &str)) -> u64 {
        self.proxy.metrics().count(name, &[("app", "demo"), label])
    }

    /// Waits until no request waits for the app.
    pub(crate) fn await_nobody_held(&self) {
        started("nobody is held", || {
            let held = self.proxy.metrics().count("ebbtide_held_requests", &[("app", "demo")]);
            (held == 0).then_some(())
        });
    }

    /// What the log has of this level about the app, without what the app itself prints.
    pub(crate) fn log(&self, level: &str) -> Vec<Value> {
        let text = self.proxy.log().text();
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let fits = |line: &Value| {
            line["level"] == level
                && line["fields"]["app"] == "demo"
                && line["target"] != "ebbtide::app"
        };
        lines.filter(fits).map(|line| line["fields"].clone()).collect()
    }

    /// How often the log says that nobody can see whether the app runs.
    pub(crate) fn blind(&self) -> usize {
        self.log("WARN").iter().filter(|line| said(line).starts_with(BLIND)).count()
    }

    /// How many lines of the app's own the log has.
    pub(crate) fn printed(&self) -> usize {
        let text = self.proxy.log().text();
        text.lines().filter(|line| line.contains("\"target\":\"ebbtide::app\"")).count()
    }

    /// How many processes run in the folder, as all that the app starts do.
    pub(crate) fn processes(&self) -> usize {
        self.folder.processes().len()
    }

    /// An operator has it suspended.
    pub(crate) fn suspend(&self) {
        let answer = self.proxy.ask_admin("POST", "/api/apps/demo/suspend", "");
        assert!(answer.status() < 300, "{answer:?}");
    }

    /// Waits until the app is reached, by a program and by a browser. What came of it in words.
    pub(crate) fn await_entry(&self) -> String {
        let watch = Stopwatch::start();
        let answer =
            started("the app is reached", || Some(self.ask()).filter(|one| one.status() == 200));
        let seconds = watch.seconds();
        assert_eq!((self.visit().status(), self.visit().text()), (200, "the app"));
        self.await_state("running");
        self.await_nobody_held();
        format!("{} after {seconds:.0} s", table::answer(&answer))
    }
}

/// A line of the log in words: its message, and why.
pub(crate) fn said(line: &Value) -> String {
    let word = |name: &str| line[name].as_str();
    let message = word("message").unwrap_or_default().to_owned();
    match word("reason").or(word("error")) {
        Some(why) => format!("{message}: {why}"),
        None => message,
    }
}
