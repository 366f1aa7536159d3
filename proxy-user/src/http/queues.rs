//! Limits what hyper and the kernel queue on a connection while its peer takes nothing.
//!
//! The limits are small at first, so that many such connections cost little. Once more bytes have passed
//! than a peer can absorb without reading, the queues may grow to what the path needs: a window that was
//! offered cannot be taken back.

use std::os::fd::{AsFd, AsRawFd};

use socket2::SockRef;

/// Size of a read at first, in bytes. hyper doubles its next buffer when one was filled; one byte less than
/// a power of two prevents that.
const FIRST_READ: usize = (16 << 10) - 1;
/// Size of a read later.
const LATER_READ: usize = (64 << 10) - 1;
/// Bytes after which the peer is known to read: more than our own queues and those of both ends hold.
const FLOWS: usize = 256 << 10;
/// Bytes that may wait to be sent at first, in addition to what is in flight.
const FIRST_UNSENT: u32 = 32 << 10;
/// The same later: what a fast path takes while this process is not scheduled.
const LATER_UNSENT: u32 = 128 << 10;

/// `SO_BUF_LOCK` of `include/uapi/asm-generic/socket.h` (Linux 5.15).
const SO_BUF_LOCK: libc::c_int = 72;
/// `SOCK_RCVBUF_LOCK` of `include/uapi/linux/socket.h`.
const SOCK_RCVBUF_LOCK: libc::c_int = 2;

/// Bytes moved on a connection. A socket's options are not touched until more than one small read or write
/// has been made on it.
#[derive(Debug, Default)]
pub(super) struct Queues {
    read: usize,
    written: usize,
}

impl Queues {
    /// Size of the next read, in bytes.
    pub(super) fn next_read(&self) -> usize {
        if self.read < FLOWS { FIRST_READ } else { LATER_READ }
    }

    /// Notes a read of `count` bytes. Until data is known to flow, the kernel's receive buffer does not
    /// grow.
    pub(super) fn read(&mut self, socket: impl AsFd, count: usize) {
        match advance(&mut self.read, count, [FIRST_READ, FLOWS]) {
            Some(FLOWS) => hold_receive_buffer(socket, false),
            Some(_) => hold_receive_buffer(socket, true),
            None => {}
        }
    }

    /// Notes a write of `count` bytes.
    pub(super) fn written(&mut self, socket: impl AsFd, count: usize) {
        match advance(&mut self.written, count, [FIRST_READ, FLOWS]) {
            Some(FLOWS) => limit_unsent(socket, LATER_UNSENT),
            Some(_) => limit_unsent(socket, FIRST_UNSENT),
            None => {}
        }
    }

    /// Restores the system's limits when the socket leaves HTTP.
    pub(super) fn release(&self, socket: impl AsFd) {
        if (FIRST_READ..FLOWS).contains(&self.read) {
            hold_receive_buffer(&socket, false);
        }
        if self.written >= FIRST_READ {
            // 0 = the system's default.
            limit_unsent(&socket, 0);
        }
    }
}

/// Adds to a count, and returns the highest mark that this passes.
fn advance(total: &mut usize, count: usize, marks: [usize; 2]) -> Option<usize> {
    let before = *total;
    *total = before.saturating_add(count);
    marks.into_iter().rfind(|mark| before < *mark && *total >= *mark)
}

/// Limits unsent data to this many bytes (`TCP_NOTSENT_LOWAT` of tcp(7)).
fn limit_unsent(socket: impl AsFd, bytes: u32) {
    // A socket that refuses is about to fail anyway.
    let _ = SockRef::from(&socket).set_tcp_notsent_lowat(bytes);
}

/// Fixes the receive buffer at its current size, or lets the kernel adapt it to the path again.
fn hold_receive_buffer(socket: impl AsFd, hold: bool) {
    let value = if hold { SOCK_RCVBUF_LOCK } else { 0 };
    // SAFETY: the pointer is to an int of our own that lives through the call. A kernel without the option
    // refuses it, and the buffer grows as usual.
    unsafe {
        libc::setsockopt(
            socket.as_fd().as_raw_fd(),
            libc::SOL_SOCKET,
            SO_BUF_LOCK,
            (&raw const value).cast(),
            libc::socklen_t::try_from(size_of_val(&value)).unwrap_or_default(),
        )
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_passed_once() {
        let mut total = 0;
        let marks = [10, 100];
        for (count, passed) in [(9, None), (1, Some(10)), (89, None), (2, Some(100)), (500, None)] {
            assert_eq!(advance(&mut total, count, marks), passed, "{count} to {total}");
        }
        assert_eq!(advance(&mut 0, 1000, marks), Some(100), "both at once");
    }
}
