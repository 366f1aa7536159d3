//! An app that Ebbtide starts, and that listens once the test lets it.

use std::path::PathBuf;

use serde_json::Value;

use crate::harness::http::{Head, Message, read_chunk, request};
use crate::harness::proxy::Proxy;
use crate::harness::scratch::Scratch;
use crate::harness::setup::Setup;
use crate::harness::wait::eventually;
use crate::harness::wire::Wire;

pub(crate) struct Scene {
    pub(crate) proxy: Proxy,
    scratch: Scratch,
}

impl Scene {
    /// `lines`: further ones of the app.
    pub(crate) fn held(lines: &str) -> Scene {
        let scratch = Scratch::new();
        let go = go(&scratch).display().to_string();
        let script = format!(
            "while [ ! -e '{go}' ]; do sleep 0.05; done; \
             exec python3 -m http.server --bind 127.0.0.1 {{port}}"
        );
        Scene::with(scratch, &script, lines)
    }

    /// An app that is this shell script.
    pub(crate) fn script(script: &str, lines: &str) -> Scene {
        Scene::with(Scratch::new(), script, lines)
    }

    fn with(scratch: Scratch, script: &str, lines: &str) -> Scene {
        let app = format!(
            "[[app]]\nname = \"demo\"\n{lines}\n\
             [app.driver]\nkind = \"process\"\ncommand = [\"sh\", \"-c\", {script:?}]\n"
        );
        Scene { proxy: Setup::new().section(&app).start(), scratch }
    }

    /// This section of a configuration.
    pub(crate) fn of(section: &str) -> Scene {
        Scene { proxy: Setup::new().section(section).start(), scratch: Scratch::new() }
    }

    /// Lets the app listen.
    pub(crate) fn go(&self) {
        std::fs::write(go(&self.scratch), "").unwrap();
    }

    /// Somebody opens a page.
    pub(crate) fn visit(&self, target: &str) -> Message {
        self.get(target, "text/html,*/*;q=0.8")
    }

    pub(crate) fn get(&self, target: &str, accept: &str) -> Message {
        let mut wire = self.proxy.connect();
        let fields = format!("Connection: close\r\nAccept: {accept}\r\n");
        wire.send(request("GET", "demo", target, &fields));
        Message::read_response(&mut wire, "GET")
    }

    /// What a page without events is told.
    pub(crate) fn progress(&self) -> Value {
        let answer = self.get("/.ebbtide/wait", "application/json");
        assert_eq!(answer.assert_own(200), "progress");
        serde_json::from_slice(&answer.body).unwrap()
    }

    pub(crate) fn await_state(&self, state: &str) -> Value {
        eventually(&format!("the app is {state}"), || {
            Some(self.progress()).filter(|progress| progress["state"] == state)
        })
    }

    pub(crate) fn listen(&self) -> Events {
        Events::open(&self.proxy, "")
    }
}

/// A page's stream of events.
pub(crate) struct Events(Wire);

impl Events {
    /// `fields`: further lines of the request.
    pub(crate) fn open(proxy: &Proxy, fields: &str) -> Events {
        let mut wire = proxy.connect();
        let fields = format!("Accept: text/event-stream\r\n{fields}");
        wire.send(request("GET", "demo", "/.ebbtide/wait", &fields));
        let head = Head::read(&mut wire);
        assert_eq!((head.status(), head.get("content-type")), (200, Some("text/event-stream")));
        assert_eq!(head.get("cache-control"), Some("no-store"));
        Events(wire)
    }

    /// The client closes its side; true = the proxy tells it nothing more, and closes its own.
    pub(crate) fn close(mut self) -> bool {
        self.0.stream().shutdown(std::net::Shutdown::Write).unwrap();
        !matches!(self.0.fill(), Ok(1..))
    }

    /// What it is told next; `None` at the end.
    pub(crate) fn next(&mut self) -> Option<Value> {
        loop {
            let chunk = String::from_utf8(read_chunk(&mut self.0)?).unwrap();
            if let Some(data) = chunk.strip_prefix("data: ") {
                return Some(serde_json::from_str(data).unwrap());
            }
        }
    }
}

fn go(scratch: &Scratch) -> PathBuf {
    scratch.file("hold", "").with_file_name("go")
}
