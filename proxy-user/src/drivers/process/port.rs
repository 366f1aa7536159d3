//! The ports of apps that run on this machine.

use std::collections::BTreeSet;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use parking_lot::Mutex;
use socket2::{Domain, Socket, Type};

/// How many ports to try.
const TRIES: usize = 100;

/// The ports of this process's apps, whether they run or not.
#[derive(Debug, Default)]
pub(super) struct Ports(Mutex<BTreeSet<u16>>);

impl Ports {
    /// A port that nobody listens on and that no other app of this process has.
    ///
    /// # Errors
    /// The kernel has none, or offers only ports that apps already have.
    pub(super) fn choose(&self) -> io::Result<u16> {
        for _ in 0..TRIES {
            let port = bound(0)?.local_addr()?.as_socket().map_or(0, |address| address.port());
            if port != 0 && self.0.lock().insert(port) {
                return Ok(port);
            }
        }
        Err(io::Error::from(io::ErrorKind::AddrInUse))
    }

    /// Notes that an app already has this port.
    pub(super) fn take(&self, port: u16) {
        self.0.lock().insert(port);
    }

    /// Lets other apps have this port.
    pub(super) fn give_back(&self, port: u16) {
        self.0.lock().remove(&port);
    }
}

/// Whether an app could listen on this port now.
pub(super) fn is_free(port: u16) -> bool {
    bound(port).is_ok()
}

/// A socket bound on every IPv4 address, because many apps listen on all of them. It does not listen, so that
/// nobody can connect to it by mistake. Like most servers it sets SO_REUSEADDR, so that connections of an earlier
/// run in TIME_WAIT do not matter.
fn bound(port: u16) -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_reuse_address(port != 0)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)).into())?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_port_is_given_once() {
        let ports = Ports::default();
        let given: BTreeSet<_> = (0..50).map(|_| ports.choose().unwrap()).collect();
        assert_eq!(given.len(), 50);
        assert!(given.into_iter().any(is_free));
    }

    #[test]
    fn a_listener_takes_it() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        assert!(!is_free(listener.local_addr().unwrap().port()));
    }
}
