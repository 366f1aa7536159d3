//! An app behind an authentication service, and what clients send.

use std::net::SocketAddr;

use crate::harness::app::HttpApp;
use crate::harness::http::{Head, Message, request};
use crate::harness::proxy::Proxy;
use crate::harness::setup::Setup;

/// bcrypt of `s3cret`, by libxcrypt.
pub(crate) const SECRET: &str = "$2y$04$abcdefghijklmnopqrstuuLZYjhNQAOdpbzt4WxWlUHjv1wsyH5DG";
/// argon2id of `password`, by the reference implementation.
pub(crate) const PASSWORD: &str =
    "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";

/// `ann:s3cret`, `bob:password`, `ann:wrong` and `eve:s3cret`.
pub(crate) const ANN: &str = "Authorization: Basic YW5uOnMzY3JldA==\r\n";
pub(crate) const BOB: &str = "Authorization: Basic Ym9iOnBhc3N3b3Jk\r\n";
pub(crate) const WRONG: &str = "Authorization: Basic YW5uOndyb25n\r\n";
pub(crate) const EVE: &str = "Authorization: Basic ZXZlOnMzY3JldA==\r\n";

/// One app, whose `[app.access]` has these lines.
pub(crate) fn setup(app: SocketAddr, lines: &str) -> Setup {
    Setup::new().app("demo", app, &format!("[app.access]\n{lines}"))
}

/// The line that names a service.
pub(crate) fn asks(service: SocketAddr) -> String {
    format!("forward_auth = \"http://{service}/verify?x=1\"\n")
}

/// A service that answers everything with this head; it has no body.
pub(crate) fn service(head: &'static str) -> HttpApp {
    HttpApp::start(move |_| answer(head, ""))
}

/// An answer: `head` is its status and its fields, each line ended.
pub(crate) fn answer(head: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {head}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// One request without a body on a connection of its own.
pub(crate) fn ask(proxy: &Proxy, method: &str, target: &str, fields: &str) -> Message {
    let mut wire = proxy.connect();
    let fields = format!("Connection: close\r\n{fields}");
    wire.send(request(method, "a.test", target, &fields));
    Message::read_response(&mut wire, method)
}

/// One GET of `/`.
pub(crate) fn get(proxy: &Proxy, fields: &str) -> Message {
    ask(proxy, "GET", "/", fields)
}

/// The names of all fields, in lower case.
pub(crate) fn names(head: &Head) -> Vec<String> {
    head.fields.iter().map(|(name, _)| name.to_ascii_lowercase()).collect()
}
