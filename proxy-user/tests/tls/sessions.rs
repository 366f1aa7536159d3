//! WebSockets over TLS, while the proxy changes around them.

use std::net::SocketAddr;

use rustls::version::{TLS12, TLS13};

use crate::certificates::{put, with_files};
use crate::client::{Client, Visit};
use crate::harness::app::App;
use crate::harness::frame::Frame;
use crate::harness::http::Head;
use crate::harness::scratch::Scratch;
use crate::harness::session::{Peer, Role, consent, upgrade};
use crate::harness::wait::eventually;

const MASK: [u8; 4] = [1, 2, 3, 4];

/// Opens a session and gives its two ends.
fn open(client: &Client, at: SocketAddr, app: &App) -> (Visit, Peer) {
    let mut visit = client.connect(at, "one.example.com");
    visit.send(upgrade("demo.test", "/stream", ""));
    let mut server = app.accept();
    let head = Head::read(&mut server);
    assert_eq!(head.get("x-forwarded-proto"), Some("https"), "{head:?}");
    server.send(consent(""));
    assert_eq!(visit.status(), 101);
    (visit, Peer::new(server, Role::App))
}

/// A message each way.
fn flow(visit: &mut Visit, server: &mut Peer, text: &str) {
    let frame = Frame::text(text);
    visit.send(frame.clone().masked(MASK).encode());
    server.expect(&frame);
    server.send(&frame);
    assert_eq!(visit.read(Frame::parse), frame);
}

#[test]
fn they_outlive_a_change_of_the_certificate_and_are_told_at_the_end() {
    let (app, scratch) = (App::listen(), Scratch::new());
    put(scratch.path(), "one");
    let setup = with_files(app.address(), scratch.path()).key("drain = \"1s\"");
    let mut proxy = setup.start();
    let clients = [Client::new(&TLS12), Client::new(&TLS13)];
    let mut sessions = clients.each_ref().map(|client| open(client, proxy.address(), &app));
    let mut each = |text: &str| sessions.iter_mut().for_each(|(one, other)| flow(one, other, text));
    each("before");
    // Many records of TLS each way.
    each(&"x".repeat(100_000));
    put(scratch.path(), "again");
    // The app of this test answers nobody who only looks.
    let client = Client::new(&TLS13);
    eventually("another certificate", || {
        let visit = client.connect(proxy.address(), "other.example.com");
        (visit.certificate() == "again").then_some(())
    });
    each("after");
    proxy.terminate();
    for (mut visit, mut server) in sessions {
        let close = visit.read(Frame::parse);
        assert_eq!(close.close_code(), Some(1012), "{close:?}");
        server.expect_close(1012);
        visit.send(Frame::close(1012, "").masked(MASK).encode());
        server.finish(1012);
    }
    assert_eq!(proxy.exit_code(), Some(0));
}
