//! The client's socket below hyper, which tells when bytes come and when none go.

use std::io::{self, IoSlice};
use std::os::fd::AsFd;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::rt::{Read, ReadBufCursor, Write};
use tokio::net::TcpStream;

use super::Times;
use crate::core::patience::Patience;
use crate::proxy::stream::Stream;
use crate::sockets;

/// A socket with its account.
#[derive(Debug)]
pub(crate) struct Timed {
    stream: Stream,
    times: Times,
}

impl Timed {
    pub(super) fn new(stream: TcpStream, times: Times) -> Timed {
        Timed { stream: Stream::new(stream), times }
    }

    /// The socket alone.
    pub(crate) fn into_inner(self) -> TcpStream {
        self.stream.into_inner()
    }

    /// Tells how a write went.
    fn note(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.times.tell(Patience::written);
            return written;
        }
        let stream = self.stream.get();
        // A socket that cannot tell has no progress to show either.
        let acked = || sockets::acked(stream.as_fd()).unwrap_or_default();
        if self.times.tell(|patience, now| patience.refused(now, acked)) {
            // Closing with linger 0 frees the queue that nobody takes; the watchdog closes next.
            let _ = stream.set_zero_linger();
        }
        written
    }
}

impl Read for Timed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if read.is_ready() {
            // Or the end has: whose time no longer matters.
            self.times.tell(Patience::arrived);
        }
        read
    }
}

impl Write for Timed {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.note(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.note(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
