//! Sockets to accept connections on: alone, or beside a process that is about to leave.
//!
//! Linux lets sockets of one user share an address if each has `SO_REUSEPORT`. Every socket gets it, but
//! only once it listens: so a second Ebbtide that is started by mistake finds the address taken, and one
//! that is to take over can join.

use std::io;
use std::net::SocketAddr;

use socket2::{Domain, SockRef, Socket, Type};
use tokio::net::TcpListener;

/// Connections that the kernel keeps for us until we accept them.
const BACKLOG: i32 = 4096;

/// A socket that has `address` for itself. Needs a tokio runtime.
///
/// # Errors
/// As `bind` and `listen` fail: the address is taken, not ours, or needs a privilege.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = listen(address, false)?;
    SockRef::from(&listener).set_reuse_port(true)?;
    Ok(listener)
}

/// A socket that shares `address` with those that have it already.
pub(super) fn join(address: SocketAddr) -> io::Result<TcpListener> {
    listen(address, true)
}

fn listen(address: SocketAddr, share: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(share)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}
