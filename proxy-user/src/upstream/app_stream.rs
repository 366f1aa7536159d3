//! An app's socket below hyper. It reads everything that the app has sent before it reports a broken
//! connection, and gives up on an app that takes nothing of what it is sent.

use std::io::{self, IoSlice};
use std::os::fd::AsFd;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::rt::{Read, ReadBufCursor, Write};

use crate::clock;
use crate::core::blocked::Blocked;
use crate::http::alarm::Alarm;
use crate::http::paced::Flushes;
use crate::http::stream::{BareSocket, Stream};
use crate::sockets;

/// How long an app may take nothing of a request: as long as `core::client_timeouts` allows a client, and as long
/// as other proxies wait.
pub(super) const TAKES_NOTHING: Duration = Duration::from_secs(60);

/// A socket with the state of its pending write.
#[derive(Debug)]
pub(super) struct AppStream {
    stream: Stream,
    flushes: Flushes,
    limit: Duration,
    blocked: Option<Blocked>,
    alarm: Alarm,
    /// Why nothing can be written any more.
    broken: Option<io::Error>,
}

impl AppStream {
    /// `limit`: how long the app may take nothing of a write.
    pub(super) fn new(stream: Stream, limit: Duration) -> AppStream {
        let flushes = Flushes::default();
        AppStream { stream, flushes, limit, blocked: None, alarm: Alarm::default(), broken: None }
    }

    /// The flush counter for bodies sent over it.
    pub(super) fn flushes(&self) -> Flushes {
        self.flushes.clone()
    }

    /// Takes the socket away from HTTP.
    pub(super) fn into_inner(self) -> BareSocket {
        self.stream.into_inner()
    }

    /// Passes on the result of a write, or `TimedOut` once Ebbtide gives up on the app.
    ///
    /// An app that refuses an upload closes its connection after its answer, which resets it: a write then
    /// fails while the answer still waits to be read. Reading decides, and ends soon after.
    fn note(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(Ok(_)) => {
                if !self.stream.holds_bytes() {
                    self.blocked = None;
                }
                return written;
            }
            Poll::Ready(Err(error)) => {
                self.broken = Some(error);
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Poll::Pending => {}
        }
        let stream = self.stream.get();
        // A socket that cannot be asked shows no progress.
        let acked = || sockets::acked(stream.as_fd()).unwrap_or_default();
        let mut now = clock::coarse();
        let blocked = self.blocked.get_or_insert_with(|| Blocked::new(now, acked()));
        while !blocked.refused(now, self.limit, acked) {
            ready!(self.alarm.poll(blocked.next_look(self.limit), cx));
            // The coarse clock may lag behind.
            now = clock::now();
        }
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl Read for AppStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let Some(error) = self.broken.as_ref().map(io::Error::kind) else {
            return Pin::new(&mut self.stream).poll_read(cx, buf);
        };
        // The write consumed the socket's error, so that the read would look like a FIN.
        match ready!(self.stream.poll_read_some(cx, &mut buf))? {
            0 => Poll::Ready(Err(error.into())),
            _ => Poll::Ready(Ok(())),
        }
    }
}

impl Write for AppStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.broken.is_some() {
            return Poll::Pending;
        }
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.note(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.broken.is_some() {
            return Poll::Pending;
        }
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.note(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.stream.holds_bytes() {
            let flushed = Pin::new(&mut self.stream).poll_flush(cx);
            ready!(self.note(cx, flushed.map_ok(|()| 0)))?;
        }
        self.flushes.note();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
#[path = "app_stream_tests.rs"]
mod tests;
