//! Accepts connections and serves HTTP/1.1 on each.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::{Phase, Proxy, service};

/// Connections that the kernel keeps for us until we accept them.
const BACKLOG: u32 = 4096;
/// Pause after a failed accept: running out of descriptors does not get better by trying faster.
const PAUSE: Duration = Duration::from_millis(100);

/// A socket to accept connections on `address`.
///
/// # Errors
/// As `bind` and `listen` fail: the address is taken, not ours, or needs a privilege.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Accepts and serves until the task is dropped; connections that are open then go on.
pub async fn serve(proxy: Arc<Proxy>, listener: TcpListener) {
    let mut failing = false;
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                failing = false;
                proxy.connections.spawn(connection(Arc::clone(&proxy), stream, peer));
            }
            // The client was gone before we came (accept(2)): its loss alone.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                if !std::mem::replace(&mut failing, true) {
                    tracing::warn!(%error, "cannot accept connections; trying on");
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn connection(proxy: Arc<Proxy>, stream: TcpStream, peer: SocketAddr) {
    // A socket that refuses the option is about to fail anyway.
    let _ = stream.set_nodelay(true);
    let limits = &proxy.config.limits;
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        // Room for heads over the limit too, so that `service` can say what is wrong with them;
        // beyond it hyper answers a bare 431.
        .max_buf_size(2 * limits.header_bytes);
    let mut phase = proxy.phase.subscribe();
    let accepted_in = *phase.borrow_and_update();
    // While the process leaves, a connection is good for one request.
    http.keep_alive(accepted_in == Phase::Running);
    let service = service_fn(move |request| {
        let answer = service::handle(Arc::clone(&proxy), peer, request);
        async move { Ok::<_, std::convert::Infallible>(answer.await) }
    });
    let connection = http.serve_connection(TokioIo::new(stream), service).with_upgrades();
    let mut connection = pin!(connection);
    let leaving = async {
        // An error means that the process is going away, which ends this task too.
        let _ = phase.wait_for(|phase| *phase > accepted_in).await;
    };
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = leaving => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        tracing::debug!(%peer, %error, "connection ended early");
    }
}
