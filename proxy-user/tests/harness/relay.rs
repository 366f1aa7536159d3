//! A plain TCP relay: the simplest thing a test can take for a proxy when it checks itself.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpStream};

use super::app::{App, Served};

/// Copies bytes both ways and passes half-closes on.
pub fn to(upstream: SocketAddr) -> Served {
    at(App::listen(), upstream)
}

/// The same where an app was to be.
pub fn at(app: App, upstream: SocketAddr) -> Served {
    app.serve(move |wire| {
        let server = TcpStream::connect(upstream).unwrap();
        let client = wire.stream();
        std::thread::scope(|scope| {
            scope.spawn(|| copy(client, &server));
            copy(&server, client);
        });
    })
}

fn copy(mut from: &TcpStream, mut to: &TcpStream) {
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}
