//! New connections to apps, with TLS where it is asked for.
//!
//! A name may have several addresses, and the first of them (often IPv6) may be unreachable. They are tried
//! as in RFC 8305 ("Happy Eyeballs"): one after another, the next one when the previous one has failed
//! or has not answered for a moment. The first that answers is used. Nothing is remembered.

use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use rustls::pki_types::ServerName;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::error::Elapsed;
use tokio::time::{sleep, timeout};
use tokio_rustls::{TlsConnector, TlsStream};

use super::UpstreamError;
use crate::config::Upstream;
use crate::http::stream::Stream;
use crate::tls::explain;

/// How long resolving the name, connecting and the TLS handshake may take together.
const CONNECT: Duration = Duration::from_secs(10);
/// Delay before the next attempt: the "Connection Attempt Delay" that RFC 8305 section 5 recommends.
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// A new connection and its remote address.
pub(super) async fn connect(app: &Upstream) -> Result<(Stream, SocketAddr), UpstreamError> {
    let connected = async {
        let (stream, peer) = tcp(app).await.map_err(UpstreamError::Refused)?;
        let stream = match app.tls() {
            None => stream.into(),
            // Boxed, because plain connections would reserve room for it.
            Some(tls) => {
                let connector = TlsConnector::from(tls.config()?);
                Box::pin(secure(app, connector, stream)).await?.into()
            }
        };
        Ok((stream, peer))
    };
    let expired = |elapsed: Elapsed| Err(UpstreamError::Refused(elapsed.into()));
    timeout(CONNECT, connected).await.unwrap_or_else(expired)
}

async fn tcp(app: &Upstream) -> io::Result<(TcpStream, SocketAddr)> {
    let addresses = lookup_host(app.authority().as_str()).await?.collect();
    let (stream, peer) = race(interleave(addresses)).await?;
    stream.set_nodelay(true)?;
    Ok((stream, peer))
}

/// The handshake. The app's name is that of its URL.
async fn secure(
    app: &Upstream,
    connector: TlsConnector,
    stream: TcpStream,
) -> Result<TlsStream<TcpStream>, UpstreamError> {
    let failed = |error: io::Error| {
        let cause = error.get_ref().and_then(|cause| cause.downcast_ref());
        UpstreamError::Handshake { hint: cause.map_or("", explain), error }
    };
    let name = ServerName::try_from(app.host().to_owned());
    let name = name.map_err(|error| failed(io::Error::other(error)))?;
    Ok(connector.connect(name, stream).await.map_err(failed)?.into())
}

/// The addresses with alternating families, beginning with the resolver's first (RFC 8305 section 4).
fn interleave(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let count = addresses.len();
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == first_is_v6);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut turns = Vec::with_capacity(count);
    while turns.len() < count {
        turns.extend(first.next().into_iter().chain(second.next()));
    }
    turns
}

/// The first connection that any of the addresses accepts.
async fn race(addresses: Vec<SocketAddr>) -> io::Result<(TcpStream, SocketAddr)> {
    let mut refusal = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    let mut left = addresses.into_iter();
    let mut attempts = FuturesUnordered::new();
    loop {
        match left.next() {
            Some(address) => attempts.push(attempt(address)),
            None if attempts.is_empty() => return Err(refusal),
            None => {}
        }
        let is_last = left.len() == 0;
        let delay = async { if is_last { pending().await } else { sleep(ATTEMPT_DELAY).await } };
        tokio::select! {
            biased;
            Some(done) = attempts.next() => match done {
                Ok(connected) => return Ok(connected),
                Err(error) => refusal = error,
            },
            () = delay => {}
        }
    }
}

async fn attempt(address: SocketAddr) -> io::Result<(TcpStream, SocketAddr)> {
    let stream = TcpStream::connect(address).await?;
    Ok((stream, address))
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener};

    use socket2::{Domain, Socket, Type};

    use super::*;

    fn v4(last: u8) -> SocketAddr {
        (Ipv4Addr::new(192, 0, 2, last), 80).into()
    }

    fn v6(last: u16) -> SocketAddr {
        (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last), 80).into()
    }

    fn loopback(port: u16) -> SocketAddr {
        (IpAddr::from([127, 0, 0, 1]), port).into()
    }

    #[test]
    fn families_take_turns() {
        for (resolved, tried) in [
            (vec![], vec![]),
            (vec![v4(1), v4(2)], vec![v4(1), v4(2)]),
            (vec![v6(1), v6(2), v4(1)], vec![v6(1), v4(1), v6(2)]),
            (vec![v4(1), v6(1), v6(2), v6(3)], vec![v4(1), v6(1), v6(2), v6(3)]),
            (vec![v4(1), v4(2), v4(3), v6(1)], vec![v4(1), v6(1), v4(2), v4(3)]),
        ] {
            assert_eq!(interleave(resolved), tried);
        }
    }

    /// An address that does not answer: its listener's queue is full, and Linux drops further SYNs
    /// (`tcp_conn_request` in net/ipv4/tcp_input.c).
    struct BlackHole {
        address: SocketAddr,
        _held: (Socket, Vec<Socket>),
    }

    impl BlackHole {
        fn dig() -> BlackHole {
            let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            listener.bind(&loopback(0).into()).unwrap();
            listener.listen(0).unwrap();
            let address = listener.local_addr().unwrap().as_socket().unwrap();
            let fill = || {
                let filler = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
                filler.connect_timeout(&address.into(), Duration::from_millis(300)).map(|()| filler)
            };
            let fillers: Vec<_> = std::iter::from_fn(|| fill().ok()).take(16).collect();
            assert!(fillers.len() < 16, "it swallows everything");
            BlackHole { address, _held: (listener, fillers) }
        }
    }

    #[tokio::test]
    async fn an_address_that_leads_nowhere_holds_up_none_behind_it() {
        let holes = [BlackHole::dig(), BlackHole::dig()];
        let app = TcpListener::bind(loopback(0)).unwrap();
        let address = app.local_addr().unwrap();
        let addresses = vec![holes[0].address, holes[1].address, address];
        // Half of the time for one attempt.
        let connected = timeout(CONNECT / 2, race(addresses)).await.expect("it must not wait");
        assert_eq!(connected.unwrap().1, address);
    }

    #[tokio::test]
    async fn one_that_refuses_gives_way_at_once() {
        let closed = TcpListener::bind(loopback(0)).unwrap().local_addr().unwrap();
        let app = TcpListener::bind(loopback(0)).unwrap();
        let address = app.local_addr().unwrap();
        assert_eq!(race(vec![closed, closed, address]).await.unwrap().1, address);
        let error = race(vec![closed, closed]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        assert_eq!(race(Vec::new()).await.unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
