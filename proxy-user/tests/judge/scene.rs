//! A proxy with one app, and what it makes of traffic.

use crate::harness::app::App;
use crate::harness::http::{Head, Message, request};
use crate::harness::proxy::Proxy;
use crate::harness::session::{Peer, Role, consent, upgrade};
use crate::harness::setup::Setup;
use crate::harness::wait::eventually;

/// An Engine.IO connection: its heartbeat is the text `3` from the client, `2` from the app.
pub(crate) const SOCKET_IO: &str = "/socket.io/?EIO=4&transport=websocket";

pub(crate) struct Scene {
    pub(crate) app: App,
    pub(crate) proxy: Proxy,
}

impl Scene {
    /// The app `demo` with these lines in its table.
    pub(crate) fn start(lines: &str) -> Scene {
        let app = App::listen();
        let proxy = Setup::new().app("demo", app.address(), lines).start();
        Scene { app, proxy }
    }

    /// Opens a session for this target; `asked` and `agreed` are further lines of the handshake.
    pub(crate) fn open(&self, target: &str, asked: &str, agreed: &str) -> (Peer, Peer) {
        let mut client = self.proxy.connect();
        client.send(upgrade("demo.test", target, asked));
        let mut server = self.app.accept();
        let head = Head::read(&mut server);
        assert!(head.start.contains(target), "{head:?}");
        server.send(consent(agreed));
        assert_eq!(Message::read_response(&mut client, "GET").status(), 101);
        (Peer::new(client, Role::Client), Peer::new(server, Role::App))
    }

    /// Somebody comes to a page: sessions that are opened now are theirs.
    pub(crate) fn visit(&self) {
        self.ask("GET", "/", "Sec-Fetch-Mode: navigate\r\nSec-Fetch-User: ?1\r\n", "");
    }

    /// One request that the app answers.
    pub(crate) fn ask(&self, method: &str, target: &str, fields: &str, body: &str) {
        let length = match body {
            "" => String::new(),
            body => format!("Content-Length: {}\r\n", body.len()),
        };
        let mut client = self.proxy.connect();
        let fields = format!("Connection: close\r\n{length}{fields}");
        client.send(request(method, "demo.test", target, &fields));
        client.send(body);
        let mut server = self.app.accept();
        Message::read_request(&mut server);
        // Each request is answered on a connection of its own, which ends with it.
        server.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\ndone");
        assert_eq!(Message::read_response(&mut client, method).status(), 200);
    }

    /// How often activity was noted for this reason.
    pub(crate) fn activity(&self, reason: &str) -> u64 {
        self.proxy.metrics().count("ebbtide_activity_total", &[("reason", reason)])
    }

    /// How much was ignored for this reason.
    pub(crate) fn ignored(&self, reason: &str) -> u64 {
        self.proxy.metrics().count("ebbtide_ignored_total", &[("reason", reason)])
    }

    /// Waits until the counts are these; what a request came to is told when its body has passed.
    pub(crate) fn await_counts(&self, counted: (&str, u64), ignored: (&str, u64)) {
        eventually(&format!("{counted:?} counted and {ignored:?} ignored"), || {
            let counts = (self.activity(counted.0), self.ignored(ignored.0));
            (counts == (counted.1, ignored.1)).then_some(())
        });
    }
}
