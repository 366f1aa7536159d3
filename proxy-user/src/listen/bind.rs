//! Sockets to accept connections on: alone, or beside a process that is about to leave.
//!
//! Linux lets sockets of one user share an address if each has `SO_REUSEPORT`. Every socket gets that
//! option, but only once it listens: so a second Ebbtide that is started by mistake finds the address
//! taken, but one that takes over can join.

use std::io;

use socket2::{Domain, SockRef, Socket, Type};
use tokio::net::TcpListener;

use crate::core::listening::ListenAddress;

/// Connections that the kernel keeps for us until we accept them.
const BACKLOG: i32 = 4096;

/// A socket that has `address` for itself.
pub(super) fn alone(address: ListenAddress) -> io::Result<TcpListener> {
    let listener = listen(address, false)?;
    SockRef::from(&listener).set_reuse_port(true)?;
    Ok(listener)
}

/// A socket that shares `address` with the existing ones.
pub(super) fn join(address: ListenAddress) -> io::Result<TcpListener> {
    listen(address, true)
}

/// Whether a socket could have `address` for itself.
pub(super) fn try_alone(address: ListenAddress) -> io::Result<()> {
    bound(address, false).map(drop)
}

fn listen(address: ListenAddress, share: bool) -> io::Result<TcpListener> {
    let socket = bound(address, share)?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

fn bound(address: ListenAddress, share: bool) -> io::Result<Socket> {
    let ListenAddress { address, v6_only } = address;
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(share)?;
    if address.is_ipv6() {
        // Whatever net.ipv6.bindv6only says.
        socket.set_only_v6(v6_only)?;
    }
    socket.bind(&address.into())?;
    Ok(socket)
}
