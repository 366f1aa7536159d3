//! The ports of apps that run on this machine.

use std::collections::BTreeSet;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use parking_lot::Mutex;
use socket2::{Domain, Socket, Type};

/// How many ports are tried before that is called a failure.
const TRIES: usize = 100;

/// The ports that apps of this process have, whether they run or not.
#[derive(Debug, Default)]
pub(super) struct Ports(Mutex<BTreeSet<u16>>);

impl Ports {
    /// A port that nobody listens on, and that no other app of this process has.
    ///
    /// # Errors
    /// The kernel has none, or gives only such as are had already.
    pub(super) fn choose(&self) -> io::Result<u16> {
        for _ in 0..TRIES {
            let port = bound(0)?.local_addr()?.as_socket().map_or(0, |address| address.port());
            if port != 0 && self.0.lock().insert(port) {
                return Ok(port);
            }
        }
        Err(io::Error::from(io::ErrorKind::AddrInUse))
    }

    /// An app has it already.
    pub(super) fn take(&self, port: u16) {
        self.0.lock().insert(port);
    }

    /// Another app may have it.
    pub(super) fn give_back(&self, port: u16) {
        self.0.lock().remove(&port);
    }
}

/// Whether an app could listen on it at this moment.
pub(super) fn is_free(port: u16) -> bool {
    bound(port).is_ok()
}

/// Bound on every IPv4 address, as many apps listen on all of them; not listening, so that nobody can
/// connect to it by mistake. Connections of an earlier run that are still winding up do not count, as
/// servers set the same option.
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
