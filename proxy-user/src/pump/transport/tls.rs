//! TLS on a session's socket (RFC 8446, RFC 5246), by rustls. The handshake is over.
//!
//! One read of the socket may bring several records, and one write sends several.

use std::cell::RefCell;
use std::io::{self, IoSlice, Read, Write};
use std::task::Poll;

use mio::net::TcpStream;
use rustix::io::{Errno, retry_on_intr};
use rustix::net::{SendFlags, send};
use rustls::Connection;

use super::{Moved, receive};

/// The most that is read from the socket at once, in bytes.
const WIRE: usize = 48 * 1024;
/// The largest record with its header: 2^14 bytes, expanded by at most 2048 (RFC 5246 section 6.2.3).
const RECORD: usize = (1 << 14) + 2048 + 5;

thread_local! {
    /// What was read from a socket, until it is decrypted.
    static ENCRYPTED: RefCell<Box<[u8]>> = RefCell::new(vec![0; WIRE].into());
}

/// An established connection.
#[derive(Debug)]
pub(in crate::pump) struct Tls {
    connection: Box<Connection>,
    /// The alert that ends our side has been written.
    finished: bool,
    /// The peer has broken the rules; what came before that has been passed on.
    broken: bool,
}

impl Tls {
    pub(in crate::pump) fn new(connection: Box<Connection>) -> Tls {
        Tls { connection, finished: false, broken: false }
    }

    /// See [`Transport::read`](super::Transport::read). `buffer` must have room for more than one record.
    pub(super) fn read(&mut self, socket: &TcpStream, buffer: &mut [u8]) -> Result<Moved, Errno> {
        if self.broken {
            return Err(Errno::PROTO);
        }
        if let Poll::Ready(bytes) = self.decrypted(buffer)? {
            return Ok(Moved { bytes: Poll::Ready(bytes), wire: 0, blocked: false });
        }
        // Together with the record that has arrived in part, it must fit the buffer.
        let most = buffer.len().saturating_sub(RECORD).clamp(1, WIRE);
        ENCRYPTED.with_borrow_mut(|encrypted| {
            let wire = match receive(socket, &mut encrypted[..most]) {
                Err(Errno::AGAIN) => return Ok(Moved::NOTHING),
                received => received?,
            };
            let (bytes, more) = self.decrypt(&encrypted[..wire], buffer)?;
            // A short read means that the socket is empty (epoll(7), question 9).
            Ok(Moved { bytes, wire, blocked: !more && wire < most })
        })
    }

    /// Decrypts what has arrived: nothing = the socket's end. Returns how much, as [`Tls::decrypted`] does, and
    /// whether there is more to say, if only that the stream has ended.
    fn decrypt(
        &mut self,
        mut wire: &[u8],
        buffer: &mut [u8],
    ) -> Result<(Poll<usize>, bool), Errno> {
        let mut filled = 0;
        loop {
            let taken = self.connection.read_tls(&mut wire).map_err(broken)?;
            let processed = self.connection.process_new_packets();
            while let Poll::Ready(bytes @ 1..) = self.decrypted(&mut buffer[filled..])? {
                filled += bytes;
            }
            let ended = match processed {
                Ok(state) => state.peer_has_closed(),
                Err(error) => {
                    tracing::debug!(%error, "TLS connection broken");
                    self.broken = true;
                    if filled == 0 {
                        return Err(Errno::PROTO);
                    }
                    true
                }
            };
            if ended || taken == 0 || wire.is_empty() {
                let more = ended || taken == 0 || filled == buffer.len();
                let bytes = if filled > 0 { Poll::Ready(filled) } else { self.decrypted(buffer)? };
                return Ok((bytes, more));
            }
        }
    }

    /// Takes what has been decrypted; no bytes = the end of the stream.
    fn decrypted(&mut self, buffer: &mut [u8]) -> Result<Poll<usize>, Errno> {
        match self.connection.reader().read(buffer) {
            Ok(bytes) => Ok(Poll::Ready(bytes)),
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock => Ok(Poll::Pending),
                // Without the alert that ends a stream. A WebSocket says by itself whether it is complete.
                io::ErrorKind::UnexpectedEof => Ok(Poll::Ready(0)),
                _ => Err(broken(error)),
            },
        }
    }

    /// See [`Transport::write`](super::Transport::write).
    pub(super) fn write(&mut self, socket: &TcpStream, bytes: &[u8]) -> Result<Moved, Errno> {
        let before = self.flush(socket)?;
        if before.blocked {
            return Ok(before);
        }
        let taken = self.connection.writer().write(bytes).map_err(broken)?;
        let after = self.flush(socket)?;
        let wire = before.wire + after.wire;
        Ok(Moved { bytes: Poll::Ready(taken), wire, blocked: after.blocked })
    }

    pub(super) fn holds_bytes(&self) -> bool {
        self.connection.wants_write()
    }

    /// See [`Transport::flush`](super::Transport::flush).
    pub(super) fn flush(&mut self, socket: &TcpStream) -> Result<Moved, Errno> {
        let mut wire = 0;
        while self.connection.wants_write() {
            match self.connection.write_tls(&mut Wire(socket)) {
                Ok(size) => wire += size,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(Moved::blocked(wire));
                }
                Err(error) => return Err(broken(error)),
            }
        }
        Ok(Moved { bytes: Poll::Ready(0), wire, blocked: false })
    }

    /// Writes the alert that ends our side, which the caller must flush.
    pub(super) fn finish(&mut self) {
        if !std::mem::replace(&mut self.finished, true) {
            self.connection.send_close_notify();
        }
    }
}

/// The socket as rustls writes to it.
struct Wire<'a>(&'a TcpStream);

impl Write for Wire<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(retry_on_intr(|| send(self.0, bytes, SendFlags::NOSIGNAL))?)
    }

    fn write_vectored(&mut self, records: &[IoSlice<'_>]) -> io::Result<usize> {
        match records {
            [record] => self.write(record),
            // The process ignores SIGPIPE.
            records => (&mut &*self.0).write_vectored(records),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn broken(error: io::Error) -> Errno {
    Errno::from_io_error(&error).unwrap_or(Errno::PROTO)
}

#[cfg(test)]
#[path = "tls_tests.rs"]
mod tests;
