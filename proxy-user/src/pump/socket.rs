//! One socket of a session: reads and writes it as far as it is known to be ready, counts what goes over
//! the wire, and never waits.
//!
//! Its thread polls edge-triggered (epoll(7)), so what it is told here holds until the kernel says no.

use std::io;
use std::task::Poll;

use mio::event::Event;
use mio::{Registry, Token};
use rustix::io::Errno;

use super::transport::Transport;
use crate::session::Leg;

/// Reads in one turn of a session, so that a busy one does not keep the others of its thread waiting.
const READS: u8 = 8;

/// A connected socket.
#[derive(Debug)]
pub(super) struct Socket {
    transport: Transport,
    readable: bool,
    writable: bool,
    /// The peer has sent its FIN or RST: a read that leaves room has not read all.
    ending: bool,
    /// What is left of [`READS`].
    reads: u8,
}

/// What the kernel has told of a socket.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ready {
    readable: bool,
    writable: bool,
    ending: bool,
}

impl From<&Event> for Ready {
    fn from(event: &Event) -> Ready {
        // An error is told by the next read or write.
        let (error, ending) = (event.is_error(), event.is_read_closed());
        Ready {
            readable: event.is_readable() || ending || error,
            writable: event.is_writable() || event.is_write_closed() || error,
            ending: ending || error,
        }
    }
}

impl Socket {
    /// A non-blocking socket that may be ready for anything.
    pub(super) fn new(stream: std::net::TcpStream) -> Socket {
        let transport = Transport::plain(stream);
        Socket { transport, readable: true, writable: true, ending: false, reads: READS }
    }

    /// Has the thread hear of it under this token.
    ///
    /// # Errors
    /// The kernel has no room for another one (epoll_ctl(2)).
    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        self.transport.register(registry, token)
    }

    /// The kernel has told something. True = what was refused may be written now.
    pub(super) fn tell(&mut self, ready: Ready) -> bool {
        let refused = !self.writable;
        self.readable |= ready.readable;
        self.writable |= ready.writable;
        self.ending |= ready.ending;
        refused && self.writable
    }

    /// A turn of its session begins.
    pub(super) fn begin_turn(&mut self) {
        self.reads = READS;
    }

    /// There is more to read, in another turn.
    pub(super) fn wants_turn(&self) -> bool {
        self.readable && self.reads == 0
    }

    /// Something may be there to be read in this turn.
    pub(super) fn may_read(&self) -> bool {
        self.readable && self.reads > 0
    }

    /// Reads once, and counts it for `leg`. 0 = the end of the stream.
    pub(super) fn poll_read(&mut self, leg: &Leg, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        if !self.may_read() {
            return Poll::Pending;
        }
        self.reads -= 1;
        match self.transport.read(buffer) {
            Ok(moved) => {
                leg.socket.add_read(moved.wire as u64);
                // Less than there was room for: the socket is empty (epoll(7), question 9).
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

    /// Writes once, and counts it for `leg`.
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

    /// Sends FIN behind all that was written.
    pub(super) fn shutdown(&self) -> io::Result<()> {
        self.transport.shutdown()
    }

    /// Has it send RST when it is dropped, and its queue freed.
    pub(super) fn reset_on_close(&self) {
        self.transport.reset_on_close();
    }
}
