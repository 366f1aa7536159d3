//! Listening addresses: how a process gets them, and how it releases them without refusing a connection.
//!
//! The caller handles the connections.

mod bind;
mod error;
mod group;
mod holder;
mod kernel_list;
mod passed;

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub use self::error::ListenError;
pub use self::holder::Holder;
pub use self::passed::Passed;
use crate::core::listening::ListenAddress;

/// A socket that has an address for itself. Needs a tokio runtime.
///
/// # Errors
/// As each [`ListenError`] says.
pub fn bind(address: SocketAddr) -> Result<TcpListener, ListenError> {
    let address = ListenAddress::new(address, &[]);
    bind::alone(address).map_err(|error| ListenError::new(address, error))
}

/// Checks whether an address is free, without keeping it. To be called before privileges are dropped:
/// afterwards the process that has the address may not be visible.
///
/// # Errors
/// As each [`ListenError`] says.
pub fn probe(address: ListenAddress) -> Result<(), ListenError> {
    bind::try_alone(address).map_err(|error| ListenError::new(address, error))
}

/// How to get an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// No other process may listen there.
    Alone,
    /// The process with this id may listen there; it is about to stop.
    Takeover(u32),
}

/// A listening socket that does not accept yet.
#[derive(Debug)]
pub struct Opened {
    socket: TcpListener,
    asked: ListenAddress,
    /// With the port filled in.
    address: SocketAddr,
    passed: bool,
}

impl Opened {
    /// Listens on an address. With [`Entry::Takeover`], all new connections come here from now on.
    ///
    /// # Errors
    /// As each [`ListenError`] says.
    pub fn open(asked: ListenAddress, entry: Entry) -> Result<Opened, ListenError> {
        let failed = |error| ListenError::new(asked, error);
        let socket = match entry {
            Entry::Takeover(_) if asked.address.port() != 0 => {
                match group::members(asked.address).map_err(failed)? {
                    // It may listen on the same port of other interfaces.
                    0 => bind::join(asked).map_err(failed)?,
                    1 => {
                        let socket = bind::join(asked).map_err(failed)?;
                        // The numbers start at 0, so that ours is the second.
                        group::send_all_to(&socket, 1).map_err(failed)?;
                        socket
                    }
                    crowd => return Err(ListenError::Crowded(asked.address, crowd)),
                }
            }
            _ => bind::alone(asked).map_err(failed)?,
        };
        let address = socket.local_addr().map_err(failed)?;
        Ok(Opened { socket, asked, address, passed: false })
    }

    /// A socket that the service manager passed.
    ///
    /// # Errors
    /// It has no address, or cannot be watched.
    pub fn passed(socket: std::net::TcpListener) -> io::Result<Opened> {
        let socket = TcpListener::from_std(socket)?;
        let address = socket.local_addr()?;
        let asked = ListenAddress { address, v6_only: false };
        Ok(Opened { socket, asked, address, passed: true })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// A socket to accept connections on until it is closed.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    passed: bool,
    close: CancellationToken,
}

impl Listener {
    /// The listening socket.
    #[must_use]
    pub fn socket(&self) -> &TcpListener {
        &self.socket
    }

    /// Waits until it should be closed.
    pub async fn closed(&self) {
        self.close.cancelled().await;
    }

    /// Closes it. Returns the connections that were not accepted yet, which the kernel would reset
    /// (`inet_csk_listen_stop` in net/ipv4/inet_connection_sock.c); none if the service manager holds the
    /// socket, because they belong to the next process.
    #[must_use]
    pub fn take_rest(self) -> Vec<(TcpStream, SocketAddr)> {
        let mut rest = Vec::new();
        let Some(listener) = self.socket.into_std().ok().filter(|_| !self.passed) else {
            return rest;
        };
        while let Ok((stream, peer)) = listener.accept() {
            let stream = stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream));
            rest.extend(stream.map(|stream| (stream, peer)));
        }
        rest
    }
}

/// A socket on which connections are accepted.
#[derive(Debug)]
struct Door {
    asked: ListenAddress,
    address: SocketAddr,
    passed: bool,
    close: CancellationToken,
    acceptor: JoinHandle<()>,
}

/// The sockets on which connections are accepted for one purpose; several may have the same address.
#[derive(Debug, Default)]
pub struct Doors(Vec<Door>);

impl Doors {
    /// Starts `serve` to accept on a socket until it is closed.
    pub fn add<F>(&mut self, opened: Opened, serve: impl FnOnce(Listener) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let Opened { socket, asked, address, passed } = opened;
        let close = CancellationToken::new();
        let acceptor = tokio::spawn(serve(Listener { socket, passed, close: close.clone() }));
        self.0.push(Door { asked, address, passed, close, acceptor });
    }

    /// Where connections are accepted.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.0.iter().map(|door| door.address).collect()
    }

    /// Whether the service manager holds these sockets.
    #[must_use]
    pub fn are_passed(&self) -> bool {
        self.0.iter().any(|door| door.passed)
    }

    /// Opens those of `wanted` that are not open. `ours`: everything that this process listens on.
    ///
    /// # Errors
    /// The first that cannot be opened; then none is opened.
    pub fn open_missing(
        &self,
        wanted: &[ListenAddress],
        ours: &[&Doors],
    ) -> Result<Vec<Opened>, ListenError> {
        let missing =
            wanted.iter().filter(|asked| !self.0.iter().any(|door| door.asked == **asked));
        missing.map(|asked| open_beside(*asked, ours)).collect()
    }
    /// Closes those that are not in `wanted`, and returns their addresses.
    pub fn close_others(&mut self, wanted: &[ListenAddress]) -> Vec<SocketAddr> {
        let others = self.0.extract_if(.., |door| !wanted.contains(&door.asked));
        others
            .map(|door| {
                door.close.cancel();
                door.address
            })
            .collect()
    }

    /// Whether another process listens on one of the addresses: it has come to replace this one.
    #[must_use]
    pub fn are_shared(&self) -> bool {
        let ours = |address| self.0.iter().filter(|door| door.address == address).count();
        self.0.iter().any(|door| {
            // If the count fails, the sockets are taken for ours only.
            group::members(door.address).is_ok_and(|all| all > ours(door.address))
        })
    }

    /// Closes all, and waits until all pending connections have been accepted.
    pub async fn close(&mut self) {
        for door in &self.0 {
            door.close.cancel();
        }
        for door in self.0.drain(..) {
            // An error means a panic, which has been logged.
            let _ = door.acceptor.await;
        }
    }
}

/// Used to change from one interface to all of them or back, to or from [::] without IPv4, or to use a port
/// for something else: the port is already ours.
fn open_beside(asked: ListenAddress, ours: &[&Doors]) -> Result<Opened, ListenError> {
    let port = asked.address.port();
    let mut doors = ours.iter().flat_map(|doors| &doors.0);
    if port == 0 || !doors.any(|door| door.asked.address.port() == port) {
        return Opened::open(asked, Entry::Alone);
    }
    let failed = |error| ListenError::new(asked, error);
    let socket = bind::join(asked).map_err(failed)?;
    let address = socket.local_addr().map_err(failed)?;
    Ok(Opened { socket, asked, address, passed: false })
}
