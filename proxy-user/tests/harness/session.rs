//! A WebSocket session through the proxy, both ends of it held by the test.

use super::app::App;
use super::frame::{CLOSE, Frame};
use super::http::{Head, Message, request};
use super::payload::Random;
use super::proxy::Proxy;
use super::wire::{End, Wire};

/// The key and its answer from RFC 6455 section 1.3.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Client,
    App,
}

/// One end of a session.
#[derive(Debug)]
pub struct Peer {
    pub wire: Wire,
    role: Role,
    keys: Random,
}

impl Peer {
    pub fn new(wire: Wire, role: Role) -> Peer {
        Peer { wire, role, keys: Random::seeded(7) }
    }

    /// The bytes of a frame as this end must send it: masked by the client, unmasked by the app.
    pub fn encode(&mut self, frame: &Frame) -> Vec<u8> {
        match self.role {
            Role::Client => frame.clone().masked(self.keys.key()).encode(),
            Role::App => frame.encode(),
        }
    }

    pub fn send(&mut self, frame: &Frame) {
        let bytes = self.encode(frame);
        self.wire.send(bytes);
    }

    /// The next frame; fails when it is not masked as this end's peer must mask.
    pub fn receive(&mut self) -> Frame {
        let mut frame = Frame::read(&mut self.wire);
        let masked = frame.mask.take().is_some();
        assert_eq!(masked, self.role == Role::App, "masking of {frame:?} towards {:?}", self.role);
        frame
    }

    /// Fails unless the next frame is this one.
    pub fn expect(&mut self, frame: &Frame) {
        assert_eq!(&self.receive(), frame, "towards {:?}", self.role);
    }

    /// Skips data until the Close frame and gives its code and reason.
    pub fn close_frame(&mut self) -> (u16, String) {
        loop {
            let frame = self.receive();
            if frame.opcode == CLOSE {
                let code = frame.close_code().unwrap_or_else(|| panic!("no code: {frame:?}"));
                return (code, frame.close_reason());
            }
        }
    }

    /// The Close frame must be next: what came before it was read.
    pub fn expect_close(&mut self, code: u16) -> String {
        let frame = self.receive();
        assert_eq!(frame.close_code(), Some(code), "towards {:?}: {frame:?}", self.role);
        frame.close_reason()
    }

    /// Answers a Close as RFC 6455 section 5.5.1 asks, then ends this side and awaits the end.
    pub fn finish(mut self, code: u16) -> End {
        let answer = self.encode(&Frame::close(code, ""));
        let _ = self.wire.try_send(answer);
        let _ = self.wire.stream().shutdown(std::net::Shutdown::Write);
        self.wire.rest().1
    }
}

/// The bytes of an upgrade request; `fields` are further whole lines.
pub fn upgrade(host: &str, target: &str, fields: &str) -> String {
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
    let key = format!("Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n");
    request("GET", host, target, &format!("{upgrade}{key}{fields}"))
}

/// The bytes of the app's consent; `fields` are further whole lines.
pub fn consent(fields: &str) -> String {
    let upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\n";
    let accept = format!("Sec-WebSocket-Accept: {ACCEPT}\r\n");
    format!("HTTP/1.1 101 Switching Protocols\r\n{upgrade}{accept}{fields}\r\n")
}

/// Opens a session and gives its two ends.
pub fn open(proxy: &Proxy, app: &App) -> (Peer, Peer) {
    open_with(proxy, app, "", "")
}

/// The same with further lines in the request and in the answer.
pub fn open_with(proxy: &Proxy, app: &App, asked: &str, agreed: &str) -> (Peer, Peer) {
    open_over(proxy.connect(), app, asked, agreed)
}

/// The same over a connection that the test made itself.
pub fn open_over(mut client: Wire, app: &App, asked: &str, agreed: &str) -> (Peer, Peer) {
    client.send(upgrade("demo.test", "/stream", asked));
    let mut server = app.accept();
    let head = Head::read(&mut server);
    assert_eq!(head.get("sec-websocket-key"), Some(KEY), "{head:?}");
    server.send(consent(agreed));
    let answer = Message::read_response(&mut client, "GET");
    assert_eq!(answer.status(), 101, "{answer:?}");
    assert_eq!(answer.head.get("sec-websocket-accept"), Some(ACCEPT), "{answer:?}");
    (Peer::new(client, Role::Client), Peer::new(server, Role::App))
}
