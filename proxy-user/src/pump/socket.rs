//! One socket of a session: reads and writes as long as it is ready, counts bytes on the wire, and never
//! blocks.
//!
//! The thread polls edge-triggered (epoll(7)), so readiness is remembered until the kernel returns `EAGAIN`.

use std::io;
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::task::{Poll, ready};
use std::time::Duration;

use mio::event::Event;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use socket2::SockRef;

use super::End;
use super::transport::{Moved, Tls, Transport};
use crate::session::Leg;

/// Reads per turn, so that a busy session does not keep the others on its thread waiting.
const READS: u8 = 8;

/// A connected socket.
#[derive(Debug)]
pub(super) struct Socket {
    stream: TcpStream,
    readable: bool,
    writable: bool,
    /// The peer has sent FIN or RST: a short read does not mean that the socket is empty.
    ending: bool,
    /// How many of [`READS`] are left in this turn.
    reads: u8,
    /// `None` = plain TCP.
    tls: Option<Box<Tls>>,
}

// With debug assertions, mio keeps more in a socket.
const _: () =
    assert!(cfg!(debug_assertions) || size_of::<Socket>() <= 16, "there are two for each session");

/// Readiness as reported by the kernel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ready {
    readable: bool,
    writable: bool,
    ending: bool,
}

impl From<&Event> for Ready {
    fn from(event: &Event) -> Ready {
        // The next read or write returns the error.
        let (error, ending) = (event.is_error(), event.is_read_closed());
        Ready {
            readable: event.is_readable() || ending || error,
            writable: event.is_writable() || event.is_write_closed() || error,
            ending: ending || error,
        }
    }
}

impl Socket {
    /// A non-blocking socket, assumed to be ready.
    pub(super) fn new(end: End) -> Socket {
        Socket {
            stream: TcpStream::from_std(end.stream),
            readable: true,
            writable: true,
            ending: false,
            reads: READS,
            tls: end.tls.map(|connection| Box::new(Tls::new(connection))),
        }
    }

    /// Registers the socket with the thread's poll under this token.
    ///
    /// # Errors
    /// The kernel has no room for another one (epoll_ctl(2)).
    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        registry.register(&mut self.stream, token, Interest::READABLE | Interest::WRITABLE)
    }

    #[inline]
    fn transport(&mut self) -> Transport<'_> {
        Transport { socket: &self.stream, tls: self.tls.as_deref_mut() }
    }

    /// Updates the readiness. True = a refused write can be retried.
    pub(super) fn tell(&mut self, ready: Ready) -> bool {
        let refused = !self.writable;
        self.readable |= ready.readable;
        self.writable |= ready.writable;
        self.ending |= ready.ending;
        refused && self.writable
    }

    /// Starts a turn of the session.
    pub(super) fn begin_turn(&mut self) {
        self.reads = READS;
    }

    /// Whether there may be more to read, in another turn.
    pub(super) fn wants_turn(&self) -> bool {
        self.readable && self.reads == 0
    }

    /// Whether there may be something to read in this turn.
    pub(super) fn may_read(&self) -> bool {
        self.readable && self.reads > 0
    }

    /// Reads what one turn of the socket gives, and counts the bytes for `leg`. 0 = end of the stream.
    pub(super) fn poll_read(&mut self, leg: &Leg, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        while self.may_read() {
            self.reads -= 1;
            let read = self.transport().read(buffer);
            // What has arrived may have to be answered, by an alert or a new key. If that fails, so will the
            // next write.
            let _ = self.poll_flush(leg);
            let moved = read?;
            leg.socket.add_read(moved.wire as u64);
            self.readable = !moved.blocked || self.ending && moved != Moved::NOTHING;
            if moved.bytes.is_ready() {
                return moved.bytes.map(Ok);
            }
        }
        Poll::Pending
    }

    /// Writes once, and counts the bytes for `leg`. They may have to be flushed.
    pub(super) fn poll_write(&mut self, leg: &Leg, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if !self.writable {
            return Poll::Pending;
        }
        let moved = self.transport().write(bytes)?;
        match self.written(leg, moved) {
            Poll::Ready(0) => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            written => written.map(Ok),
        }
    }

    /// Pending while bytes that were written are not in the socket.
    #[inline]
    pub(super) fn poll_flush(&mut self, leg: &Leg) -> Poll<io::Result<()>> {
        if !self.transport().holds_bytes() {
            return Poll::Ready(Ok(()));
        }
        if !self.writable {
            return Poll::Pending;
        }
        let moved = self.transport().flush()?;
        self.written(leg, moved).map(|_| Ok(()))
    }

    fn written(&mut self, leg: &Leg, moved: Moved) -> Poll<usize> {
        leg.socket.add_written(moved.wire as u64);
        self.writable = !moved.blocked;
        moved.bytes
    }

    /// Sends FIN after everything that was written.
    pub(super) fn poll_shutdown(&mut self, leg: &Leg) -> Poll<io::Result<()>> {
        self.transport().finish();
        ready!(self.poll_flush(leg))?;
        Poll::Ready(self.stream.shutdown(Shutdown::Write))
    }

    /// Makes dropping it send RST and free its queue: closing with linger 0 does that (`tcp_close` in
    /// net/ipv4/tcp.c). A socket that refuses the option is already gone.
    pub(super) fn reset_on_close(&self) {
        let _ = SockRef::from(&self.stream.as_fd()).set_linger(Some(Duration::ZERO));
    }
}
