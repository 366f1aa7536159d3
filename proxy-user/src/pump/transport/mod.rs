//! What carries the bytes of a leg: TCP, or TLS over TCP.
//!
//! The layers above do not know which it is. A transport reports how many bytes a read or write moved on the
//! wire, because stalls are judged by those. It must not know frames or readiness.

mod tls;

use std::task::Poll;

use mio::net::TcpStream;
use rustix::io::{Errno, retry_on_intr};
use rustix::net::{RecvFlags, SendFlags, recv, send};

pub(super) use self::tls::Tls;

/// A connected, non-blocking socket and the protocol on it.
///
/// Borrows both, so that a session without TLS has room for the socket only.
#[derive(Debug)]
pub(super) struct Transport<'a> {
    pub(super) socket: &'a TcpStream,
    /// `None` = the bytes are as they are on the wire.
    pub(super) tls: Option<&'a mut Tls>,
}

/// The result of one read, write or flush.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moved {
    /// Bytes read or written by the caller. Pending = none before the socket is ready again.
    pub(super) bytes: Poll<usize>,
    /// Bytes read from or written to the socket.
    pub(super) wire: usize,
    /// Another call would be pending until the socket is ready again.
    pub(super) blocked: bool,
}

impl Moved {
    /// The socket was not ready.
    pub(super) const NOTHING: Moved = Moved { bytes: Poll::Pending, wire: 0, blocked: true };

    /// `wire` bytes have been moved, and none for the caller yet.
    fn blocked(wire: usize) -> Moved {
        Moved { wire, ..Moved::NOTHING }
    }

    fn plain(bytes: usize, blocked: bool) -> Moved {
        Moved { bytes: Poll::Ready(bytes), wire: bytes, blocked }
    }
}

impl Transport<'_> {
    /// Reads from the socket once. 0 bytes = end of the stream.
    ///
    /// # Errors
    /// As recv(2); `PROTO` if the peer breaks the rules of TLS.
    #[inline]
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Result<Moved, Errno> {
        if let Some(tls) = &mut self.tls {
            return tls.read(self.socket, buffer);
        }
        match receive(self.socket, buffer) {
            // A short read means that the socket is empty (epoll(7), question 9).
            Ok(size) => Ok(Moved::plain(size, size < buffer.len())),
            Err(Errno::AGAIN) => Ok(Moved::NOTHING),
            Err(error) => Err(error),
        }
    }

    /// Writes once. What is written over TLS may have to be flushed.
    ///
    /// # Errors
    /// As send(2).
    #[inline]
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<Moved, Errno> {
        if let Some(tls) = &mut self.tls {
            return tls.write(self.socket, bytes);
        }
        match retry_on_intr(|| send(self.socket, bytes, SendFlags::NOSIGNAL)) {
            Ok(size) => Ok(Moved::plain(size, false)),
            Err(Errno::AGAIN) => Ok(Moved::NOTHING),
            Err(error) => Err(error),
        }
    }

    /// Whether bytes wait inside the transport for the socket.
    #[inline]
    pub(super) fn holds_bytes(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.holds_bytes())
    }

    /// Passes on what waits inside the transport; pending until all of it is in the socket.
    ///
    /// # Errors
    /// As send(2).
    pub(super) fn flush(&mut self) -> Result<Moved, Errno> {
        match &mut self.tls {
            Some(tls) => tls.flush(self.socket),
            None => Ok(Moved::plain(0, false)),
        }
    }

    /// Ends what is written: over TLS by an alert, which must be flushed before FIN.
    pub(super) fn finish(&mut self) {
        if let Some(tls) = &mut self.tls {
            tls.finish();
        }
    }
}

#[inline]
fn receive(socket: &TcpStream, buffer: &mut [u8]) -> Result<usize, Errno> {
    retry_on_intr(|| recv(socket, &mut *buffer, RecvFlags::empty())).map(|(size, _)| size)
}
