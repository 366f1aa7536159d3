//! A proxy with a pack of its own, so that nothing here leans on what real packs say.

use serde_json::Value;

use crate::harness::app::App;
use crate::harness::http::{Head, Message, ok, request};
use crate::harness::proxy::Proxy;
use crate::harness::scratch::Scratch;
use crate::harness::setup::Setup;
use crate::harness::wait::{PATIENCE, Stopwatch, eventually};
use crate::harness::wire::Wire;

const PACK: &str = r#"
name = "toy"
about = "A made-up framework"
count = "both"

[[connection]]
path = '^/stream$'

[[message]]
id = "beat"
from = "client"
class = "heartbeat"
text = "beat"

[[request]]
id = "health"
class = "poll"
method = ["GET"]
path = '^/health$'
"#;

/// The app `demo` with further lines in its table. The packs live as long as the scratch.
pub(crate) fn start(app: &App, lines: &str) -> (Proxy, Scratch) {
    let packs = Scratch::new();
    let folder = packs.file("toy.toml", PACK);
    let folder = folder.parent().unwrap().display().to_string();
    let lines = format!("packs = [\"toy\"]\n{lines}");
    let setup = Setup::new().app("demo", app.address(), &lines);
    (setup.key(&format!("pack_dir = {folder:?}")).start(), packs)
}

/// A page is asked for, and the app gives it: whoever opens a session now is a visitor.
pub(crate) fn visit(proxy: &Proxy, app: &App, target: &str) {
    let mut client = proxy.connect();
    let fields = "Accept: text/html\r\nSec-Fetch-Mode: navigate\r\nConnection: close\r\n";
    client.send(request("GET", "demo.test", target, fields));
    let mut server = app.accept();
    Message::read_request(&mut server);
    server.send(ok("a page"));
    assert_eq!(Message::read_response(&mut client, "GET").status(), 200);
}

/// `GET /api/apps/demo`.
pub(crate) fn demo(proxy: &Proxy) -> Value {
    let answer = proxy.admin("/api/apps/demo", "");
    assert_eq!(answer.status(), 200, "{answer:?}");
    serde_json::from_slice(&answer.body).unwrap()
}

/// Waits until `GET /api/apps/demo` fits.
pub(crate) fn await_demo(proxy: &Proxy, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
    eventually(what, || Some(demo(proxy)).filter(&fits))
}

/// One who listens to `/api/events`.
pub(crate) struct Listener(Wire);

impl Listener {
    /// Listens to what `target` selects; from here on nothing is missed.
    pub(crate) fn open(proxy: &Proxy, target: &str) -> Listener {
        let mut wire = proxy.connect_admin();
        wire.send(request("GET", "localhost", target, ""));
        let head = Head::read(&mut wire);
        assert_eq!(head.status(), 200, "{head:?}");
        assert_eq!(head.get("content-type"), Some("text/event-stream"));
        wire.through(b": listening\n");
        Listener(wire)
    }

    /// The next event: its name and what it says.
    pub(crate) fn next(&mut self) -> (String, Value) {
        // The comments of a quiet stream keep the read from timing out.
        let watch = Stopwatch::start();
        let mut name = String::new();
        loop {
            let line = String::from_utf8(self.0.through(b"\n")).unwrap();
            if let Some(word) = line.strip_prefix("event: ") {
                word.trim().clone_into(&mut name);
            } else if let Some(data) = line.strip_prefix("data: ") {
                return (name, serde_json::from_str(data).unwrap());
            }
            assert!(watch.elapsed() < PATIENCE, "no event comes");
        }
    }

    /// Skips events until one has this name.
    pub(crate) fn until(&mut self, name: &str) -> Value {
        loop {
            let (its, data) = self.next();
            if its == name {
                return data;
            }
        }
    }
}
