//! What carries the bytes of a leg: plain TCP now, with room for TLS.
//!
//! The layers above do not know which it is. A transport reports how many bytes a read or write moved on the
//! wire, because stalls are judged by those. It must not know frames or readiness.

use std::io;
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::time::Duration;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use rustix::io::{Errno, retry_on_intr};
use rustix::net::{RecvFlags, SendFlags, recv, send};
use socket2::SockRef;

/// A connected, non-blocking socket and the protocol on it.
#[derive(Debug)]
pub(super) enum Transport {
    /// Bytes as they are on the wire.
    Plain(TcpStream),
}

/// The result of one read or write.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moved {
    /// Bytes read or written by the caller.
    pub(super) bytes: usize,
    /// Bytes read from or written to the socket.
    pub(super) wire: usize,
}

impl Moved {
    fn plain(bytes: usize) -> Moved {
        Moved { bytes, wire: bytes }
    }
}

impl Transport {
    /// Plain TCP.
    pub(super) fn plain(stream: std::net::TcpStream) -> Transport {
        Transport::Plain(TcpStream::from_std(stream))
    }

    /// Registers the socket with the thread's poll under this token.
    ///
    /// # Errors
    /// The kernel has no room for another one (epoll_ctl(2)).
    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        let Transport::Plain(stream) = self;
        registry.register(stream, token, Interest::READABLE | Interest::WRITABLE)
    }

    /// Reads once. 0 bytes = end of the stream.
    ///
    /// # Errors
    /// As recv(2): `AGAIN` if there is nothing to read.
    #[inline]
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Result<Moved, Errno> {
        let Transport::Plain(stream) = self;
        let (size, _) = retry_on_intr(|| recv(&*stream, &mut *buffer, RecvFlags::empty()))?;
        Ok(Moved::plain(size))
    }

    /// Writes once.
    ///
    /// # Errors
    /// As send(2): `AGAIN` if there is no room.
    #[inline]
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<Moved, Errno> {
        let Transport::Plain(stream) = self;
        retry_on_intr(|| send(&*stream, bytes, SendFlags::NOSIGNAL)).map(Moved::plain)
    }

    /// Sends FIN after everything that was written.
    ///
    /// # Errors
    /// As shutdown(2).
    pub(super) fn shutdown(&self) -> io::Result<()> {
        let Transport::Plain(stream) = self;
        stream.shutdown(Shutdown::Write)
    }

    /// Makes dropping it send RST and free its queue: closing with linger 0 does that (`tcp_close` in
    /// net/ipv4/tcp.c). A socket that refuses the option is already gone.
    pub(super) fn reset_on_close(&self) {
        let Transport::Plain(stream) = self;
        let _ = SockRef::from(&stream.as_fd()).set_linger(Some(Duration::ZERO));
    }
}
