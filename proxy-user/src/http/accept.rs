//! Accepts connections.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

/// Pause before trying to accept again: running out of descriptors does not get better by trying faster.
pub(crate) const PAUSE: Duration = Duration::from_millis(100);

/// The next connection on `listener`; retries until it succeeds.
pub(crate) async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    let mut failing = false;
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            // The client was gone before we accepted it (accept(2)); only that client is affected.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                if !std::mem::replace(&mut failing, true) {
                    tracing::warn!(%error, "cannot accept connections; trying again");
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}
