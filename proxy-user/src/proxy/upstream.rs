//! New connections to apps.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;

/// How long an app may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(10);

/// A new connection, and the address that it leads to: a socket that was reset does not know it any
/// more.
pub(super) async fn connect(authority: &str) -> io::Result<(TcpStream, SocketAddr)> {
    let stream = tokio::time::timeout(CONNECT, TcpStream::connect(authority)).await??;
    stream.set_nodelay(true)?;
    let peer = stream.peer_addr()?;
    Ok((stream, peer))
}
