//! Accepts connections and serves HTTP/1.1 on each.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::{TlsAcceptor, TlsStream};

use super::worker::{Here, Purpose};
use super::{Proxy, Worker, service, worker};
use crate::clock;
use crate::core::client_timeouts::{ClientTimeouts, Limits};
use crate::core::time::Nanos;
use crate::descriptors::Descriptors;
use crate::http::stream::Stream;
use crate::http::timed::{self, Ended};
use crate::http::{PAUSE, accept};
use crate::listen::Listener;
use crate::serving::Phase;

/// At most one warning in this time.
const REMINDER: Duration = Duration::from_secs(60);
/// How long idle connections are kept during a drain. A request on one is answered with `Connection:
/// close`; closing it at once would lose requests that are on their way (RFC 9112 section 9.5). By the end
/// of this time, clients with frequent requests have moved.
const RETIRE: Duration = Duration::from_secs(5);

/// Accepts and serves until it is told to close; open connections continue.
pub async fn serve(
    proxy: Arc<Proxy>,
    workers: Arc<[Worker]>,
    purpose: Purpose,
    listener: Listener,
) {
    let serve = |accepted| worker::serve(&workers, &proxy, purpose, accepted);
    tokio::select! {
        biased;
        () = listener.closed() => {}
        () = accept_all(&proxy, listener.socket(), &serve) => {}
    }
    listener.take_rest().into_iter().for_each(serve);
}

async fn accept_all(
    proxy: &Proxy,
    listener: &TcpListener,
    serve: &impl Fn((TcpStream, SocketAddr)),
) {
    let allowed = Descriptors::allowed().ok();
    let mut used_up = false;
    let mut told = None;
    loop {
        if let Some(allowed) = allowed {
            let full = || proxy.connections.len() + proxy.pumps.len() >= allowed.clients();
            if used_up || full() {
                tell_full(&mut told, allowed);
                // New clients wait in the backlog meanwhile, where they cost no descriptor.
                while full() || allowed.are_used_up(listener) {
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
        let (stream, peer) = accept(listener).await;
        used_up = allowed.is_some_and(|allowed| allowed.is_reserved(&stream));
        serve((stream, peer));
    }
}

/// Warns at most once per `REMINDER`, not for every client at the limit.
fn tell_full(told: &mut Option<Nanos>, allowed: Descriptors) {
    let now = clock::coarse();
    if told.is_none_or(|told| now.since(told) >= REMINDER) {
        *told = Some(now);
        let clients = allowed.clients();
        tracing::warn!(clients, "out of descriptors: new connections have to wait");
    }
}

/// A connection that is ready for HTTP.
struct Opened {
    stream: Stream,
    /// `http` or `https`.
    scheme: &'static str,
}

/// Waits for the TLS handshake, if there is TLS, but not longer than `limit`.
async fn opened(proxy: &Proxy, stream: TcpStream, limit: Duration) -> io::Result<Opened> {
    let Some(config) = proxy.tls.config() else {
        return Ok(Opened { stream: stream.into(), scheme: "http" });
    };
    // Boxed, because a connection without TLS must not reserve room for it.
    let handshake = Box::pin(TlsAcceptor::from(config).accept(stream));
    let stream = TlsStream::from(timeout(limit, handshake).await??);
    Ok(Opened { stream: stream.into(), scheme: "https" })
}

pub(super) async fn connection(proxy: Arc<Proxy>, here: Here, stream: TcpStream, peer: SocketAddr) {
    // A socket that refuses the option is about to fail anyway.
    let _ = stream.set_nodelay(true);
    let limits = proxy.serving.config().limits.clone();
    // The first head has what the TLS handshake leaves of its time.
    let timeouts = ClientTimeouts::new(Limits::new(limits.header_timeout), clock::now());
    let Opened { stream, scheme } = match opened(&proxy, stream, limits.header_timeout).await {
        Ok(opened) => opened,
        Err(error) => {
            tracing::debug!(%peer, %error, "TLS handshake failed");
            return;
        }
    };
    let mut http = timed::http();
    // Leaves room for heads over the limit, so that `service` can explain the error; beyond that hyper
    // answers a bare 431.
    http.max_buf_size(2 * limits.header_bytes);
    // Some peers recognise a field in only one spelling. Fields that the proxy adds get the usual one.
    http.preserve_header_case(true).title_case_headers(true).max_headers(limits.headers);
    let mut phase = proxy.serving.phase.subscribe();
    let accepted_in = *phase.borrow_and_update();
    // During a drain, each connection serves one request.
    http.keep_alive(accepted_in == Phase::Running);
    let leaving = async {
        // An error means that the process is ending, and this task with it.
        let _ = phase.wait_for(|phase| *phase > accepted_in).await;
        let closing = phase.wait_for(|phase| *phase == Phase::Closing);
        // Whichever comes first.
        let _ = timeout(RETIRE, closing).await;
    };
    let client = Arc::new(service::Client::new(proxy, here, peer, scheme));
    // Boxed, because hyper and its wrappers would move the whole future several times.
    let answer = |request| Box::pin(service::handle(Arc::clone(&client), request));
    let served = timed::serve(&http, stream, timeouts, leaving, answer).await;
    if let Err(Ended::Refused(refusal)) = served {
        client.note_refusal(refusal);
    }
    if let Err(error) = served {
        tracing::debug!(%peer, %error, "connection ended early");
    }
}
