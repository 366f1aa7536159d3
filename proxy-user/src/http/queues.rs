//! What is queued on a connection, by hyper and by the kernel, while its peer takes nothing.
//!
//! Little at first, so that many such connections cost little. Once as much has gone by as no peer
//! swallows that does not read, the queues may grow to what the path needs: a window that was offered
//! cannot be taken back.

use std::os::fd::{AsFd, AsRawFd};

use socket2::SockRef;

/// Bytes that one read takes at first. hyper doubles its next buffer when one was filled: one byte less
/// than a power of two keeps it at that.
const FIRST_READ: usize = (16 << 10) - 1;
/// And later.
const LATER_READ: usize = (64 << 10) - 1;
/// Bytes after which a direction is known to flow: more than our own queues and those of both ends hold.
const FLOWS: usize = 256 << 10;
/// Bytes that may wait to be sent at first. What is under way comes on top, as much as the path
/// carries.
const FIRST_UNSENT: u32 = 32 << 10;
/// And later: what a fast path takes while we are not running.
const LATER_UNSENT: u32 = 128 << 10;

/// `SO_BUF_LOCK` of `include/uapi/asm-generic/socket.h` (Linux 5.15).
const SO_BUF_LOCK: libc::c_int = 72;
/// `SOCK_RCVBUF_LOCK` of `include/uapi/linux/socket.h`.
const SOCK_RCVBUF_LOCK: libc::c_int = 2;

/// What has gone by on a connection. A socket is left as it is until more than one small read or write
/// has been made on it.
#[derive(Debug, Default)]
pub(super) struct Queues {
    read: usize,
    written: usize,
}

impl Queues {
    /// Bytes that the next read may take.
    pub(super) fn next_read(&self) -> usize {
        if self.read < FLOWS { FIRST_READ } else { LATER_READ }
    }

    /// So many bytes were read. Until the peer is known to be read, the kernel's receive buffer does not
    /// grow.
    pub(super) fn read(&mut self, socket: impl AsFd, count: usize) {
        match advance(&mut self.read, count, [FIRST_READ, FLOWS]) {
            Some(FLOWS) => hold_receive_buffer(socket, false),
            Some(_) => hold_receive_buffer(socket, true),
            None => {}
        }
    }

    /// So many bytes were written.
    pub(super) fn written(&mut self, socket: impl AsFd, count: usize) {
        match advance(&mut self.written, count, [FIRST_READ, FLOWS]) {
            Some(FLOWS) => limit_unsent(socket, LATER_UNSENT),
            Some(_) => limit_unsent(socket, FIRST_UNSENT),
            None => {}
        }
    }

    /// Leaves the socket to somebody else's care.
    pub(super) fn release(&self, socket: impl AsFd) {
        if (FIRST_READ..FLOWS).contains(&self.read) {
            hold_receive_buffer(&socket, false);
        }
        if self.written >= FIRST_READ {
            // The system's own.
            limit_unsent(&socket, 0);
        }
    }
}

/// Adds to a count; the highest of the marks that it passes by that.
fn advance(total: &mut usize, count: usize, marks: [usize; 2]) -> Option<usize> {
    let before = *total;
    *total = before.saturating_add(count);
    marks.into_iter().rfind(|mark| before < *mark && *total >= *mark)
}

/// Limits what waits to be sent to so many bytes (`TCP_NOTSENT_LOWAT` of tcp(7)).
fn limit_unsent(socket: impl AsFd, bytes: u32) {
    // A socket that refuses is about to fail anyway.
    let _ = SockRef::from(&socket).set_tcp_notsent_lowat(bytes);
}

/// Keeps the receive buffer at the size that it has, or lets the kernel fit it to the path again.
fn hold_receive_buffer(socket: impl AsFd, hold: bool) {
    let value = if hold { SOCK_RCVBUF_LOCK } else { 0 };
    // SAFETY: the pointer is to an int of our own that lives through the call. A kernel that does not know
    // the option refuses it, and the buffer grows as it always does.
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
