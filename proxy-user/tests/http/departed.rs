//! Clients that leave while nothing is read from them: what was theirs is freed, and the app's too.

use std::os::fd::AsRawFd;
use std::time::Duration;

use socket2::SockRef;

use crate::harness::app::App;
use crate::harness::http::{Head, request};
use crate::harness::proxy::Proxy;
use crate::harness::setup::Setup;
use crate::harness::wait::eventually;
use crate::harness::wire::{Wire, is_timeout};

const CLIENTS: usize = 5;

/// A client that has sent all of an upload that is taken from it, and waits to send the rest.
fn stuck_upload(proxy: &Proxy) -> Wire {
    let mut client = proxy.connect();
    client.send(request("POST", "a.test", "/upload", "Content-Length: 1000000000\r\n"));
    client.stream().set_write_timeout(Some(Duration::from_millis(300))).unwrap();
    loop {
        match client.try_send([b'x'; 65_536]) {
            Ok(()) => {}
            Err(error) if is_timeout(&error) => return client,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Lets clients leave in this way, and waits until every descriptor is free that was theirs.
fn leave(leave: impl Fn(Wire)) {
    let app = App::listen();
    let proxy = Setup::demo(app.address()).start();
    let before = proxy.descriptors();
    let clients: Vec<_> = (0..CLIENTS).map(|_| stuck_upload(&proxy)).collect();
    let deaf: Vec<_> = (0..CLIENTS).map(|_| app.accept()).collect();
    assert!(proxy.descriptors() >= before + 2 * CLIENTS);
    clients.into_iter().for_each(leave);
    eventually("the descriptors are free", || (proxy.descriptors() <= before).then_some(()));
    drop(deaf);
}

#[test]
fn a_client_that_resets_an_upload_that_the_app_does_not_read_is_freed() {
    leave(Wire::reset);
}

/// Nothing comes of it: what it still had to send stands before its FIN, and its kernel gives up sending
/// that.
#[test]
fn a_client_that_vanishes_from_an_upload_that_the_app_does_not_read_is_freed() {
    leave(|client| {
        let gives_up = Duration::from_millis(500);
        SockRef::from(client.stream()).set_tcp_user_timeout(Some(gives_up)).unwrap();
    });
}

/// It closed, which looks like the end of its sending until its kernel has forgotten the connection.
#[test]
fn a_client_that_leaves_while_the_app_computes_is_noticed() {
    let app = App::listen();
    let proxy = Setup::demo(app.address()).start();
    let mut client = proxy.connect();
    client.send(request("GET", "a.test", "/long", ""));
    let mut server = app.accept();
    Head::read(&mut server);
    forget_soon(&client);
    drop(client);
    server.end();
}

#[test]
fn a_client_that_resets_while_the_app_computes_is_noticed() {
    let app = App::listen();
    let proxy = Setup::demo(app.address()).start();
    let mut client = proxy.connect();
    client.send(request("GET", "a.test", "/long", ""));
    let mut server = app.accept();
    Head::read(&mut server);
    client.reset();
    server.end();
}

/// Has its kernel forget the connection a second after it is closed, rather than after a minute
/// (`TCP_LINGER2` of tcp(7)).
fn forget_soon(client: &Wire) {
    let seconds: libc::c_int = 1;
    // SAFETY: the pointer is to an int that lives through the call.
    let outcome = unsafe {
        libc::setsockopt(
            client.stream().as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_LINGER2,
            (&raw const seconds).cast(),
            libc::socklen_t::try_from(size_of_val(&seconds)).unwrap(),
        )
    };
    assert_eq!(outcome, 0, "TCP_LINGER2: {}", std::io::Error::last_os_error());
}
