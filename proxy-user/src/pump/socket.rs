//! One socket of a session: reads and writes as long as it is ready, counts bytes on the wire, and never
//! blocks.
//!
//! The thread polls edge-triggered (epoll(7)), so readiness is remembered until the kernel returns `EAGAIN`.

use std::io;
use std::task::Poll;

use mio::event::Event;
use mio::{Registry, Token};
use rustix::io::Errno;

use super::transport::Transport;
use crate::session::Leg;

/// Reads per turn, so that a busy session does not keep the others on its thread waiting.
const READS: u8 = 8;

/// A connected socket.
#[derive(Debug)]
pub(super) struct Socket {
    transport: Transport,
    readable: bool,
    writable: bool,
    /// The peer has sent FIN or RST: a short read does not mean that the socket is empty.
    ending: bool,
    /// How many of [`READS`] are left in this turn.
    reads: u8,
}

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
    pub(super) fn new(stream: std::net::TcpStream) -> Socket {
        let transport = Transport::plain(stream);
        Socket { transport, readable: true, writable: true, ending: false, reads: READS }
    }

    /// Registers the socket with the thread's poll under this token.
    ///
    /// # Errors
    /// The kernel has no room for another one (epoll_ctl(2)).
    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        self.transport.register(registry, token)
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

    /// Reads once, and counts the bytes for `leg`. 0 = end of the stream.
    pub(super) fn poll_read(&mut self, leg: &Leg, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        if !self.may_read() {
            return Poll::Pending;
        }
        self.reads -= 1;
        match self.transport.read(buffer) {
            Ok(moved) => {
                leg.socket.add_read(moved.wire as u64);
                // A short read means that the socket is empty (epoll(7), question 9).
                self.readable = moved.bytes == buffer.len() || self.ending;
                Poll::Ready(Ok(moved.bytes))
            }
            Err(Errno::AGAIN) => {
                self.readable = false;
                Poll::Pending
            }
            Err(error) => Poll::Ready(Err(error.into())),
        }
    }

    /// Writes once, and counts the bytes for `leg`.
    pub(super) fn poll_write(&mut self, leg: &Leg, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if !self.writable {
            return Poll::Pending;
        }
        match self.transport.write(bytes) {
            Ok(moved) => {
                leg.socket.add_written(moved.wire as u64);
                match moved.bytes {
                    0 => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                    written => Poll::Ready(Ok(written)),
                }
            }
            Err(Errno::AGAIN) => {
                self.writable = false;
                Poll::Pending
            }
            Err(error) => Poll::Ready(Err(error.into())),
        }
    }

    /// Sends FIN after everything that was written.
    pub(super) fn shutdown(&self) -> io::Result<()> {
        self.transport.shutdown()
    }

    /// Makes dropping it send RST and free its queue.
    pub(super) fn reset_on_close(&self) {
        self.transport.reset_on_close();
    }
}
