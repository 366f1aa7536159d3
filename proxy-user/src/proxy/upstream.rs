//! Connections to apps: a pool for plain requests, a fresh one for every session.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{Either, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::net::TcpStream;

use super::judge::Tapped;

/// How long an app may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// How long an unused connection to an app is kept: less than the 5 s after which uvicorn and Node
/// close theirs, so that a request does not meet the closing.
const POOLED: Duration = Duration::from_secs(4);

/// What a plain request carries: the client's body as it comes, or none.
pub(super) type Outgoing = Either<Tapped, Empty<Bytes>>;

/// The pool for plain requests.
pub(super) type Pool = Client<HttpConnector, Outgoing>;

/// A pool without connections.
pub(super) fn pool() -> Pool {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(CONNECT));
    Client::builder(TokioExecutor::new())
        .pool_idle_timeout(POOLED)
        .pool_timer(TokioTimer::new())
        .build(connector)
}

/// A connection of its own for one session, and the address that it leads to: a socket that was
/// reset does not know it any more.
pub(super) async fn connect(authority: &str) -> io::Result<(TcpStream, SocketAddr)> {
    let stream = tokio::time::timeout(CONNECT, TcpStream::connect(authority)).await??;
    stream.set_nodelay(true)?;
    let peer = stream.peer_addr()?;
    Ok((stream, peer))
}
