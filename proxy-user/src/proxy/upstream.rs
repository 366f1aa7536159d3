//! New connections to apps.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};

/// How long an app may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(10);

/// A new connection, and the address that it leads to.
pub(super) async fn connect(authority: &str) -> io::Result<(TcpStream, SocketAddr)> {
    let (stream, peer) = tokio::time::timeout(CONNECT, any(authority)).await??;
    stream.set_nodelay(true)?;
    Ok((stream, peer))
}

/// Tries its addresses in turn.
async fn any(authority: &str) -> io::Result<(TcpStream, SocketAddr)> {
    let mut refusal = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for addr in lookup_host(authority).await? {
        match TcpStream::connect(addr).await {
            Ok(stream) => return Ok((stream, addr)),
            Err(error) => refusal = error,
        }
    }
    Err(refusal)
}
