//! The client's socket below hyper. It reports when bytes arrive and when none can be sent.

use std::io::{self, IoSlice};
use std::os::fd::AsFd;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use hyper::rt::{Read, ReadBufCursor, Write};
use socket2::{SockRef, TcpKeepalive};

use super::Times;
use crate::core::client_timeouts::ClientTimeouts;
use crate::http::refusal;
use crate::http::stream::{BareSocket, Stream};
use crate::sockets;

/// The kernel probes a client that has been silent for this long, and repeats the probe at this interval.
const PROBE: Duration = Duration::from_secs(10);
/// After this many probes without an answer the client is gone.
const PROBES: u32 = 6;

/// A socket with its timeouts.
#[derive(Debug)]
pub(crate) struct Timed {
    stream: Stream,
    times: Times,
    /// Bytes to write before anything from hyper.
    before: Bytes,
    /// A flush is pending: TLS holds what the socket refuses.
    flush_waits: bool,
    /// TCP keepalive is on.
    probed: bool,
    closing: Closing,
}

/// How far our side is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Closing {
    Open,
    /// Our FIN is sent, and the client is not known to be sending.
    Shut,
    /// Our FIN is sent, and the client may still be sending.
    Lingering,
}

impl Timed {
    pub(super) fn new(stream: Stream, times: Times) -> Timed {
        Timed {
            stream,
            times,
            before: Bytes::new(),
            flush_waits: false,
            probed: false,
            closing: Closing::Open,
        }
    }

    /// Takes the socket away from HTTP.
    pub(crate) fn into_inner(self) -> BareSocket {
        let bare = self.stream.into_inner();
        if self.probed {
            let _ = SockRef::from(&bare.socket).set_keepalive(false);
        }
        bare
    }

    /// An error if the client is gone. A reset shows as an error of the socket, even while nothing is read.
    /// A client that has vanished answers no probe. One that has closed answers with a reset once its
    /// kernel has forgotten the connection, which takes Linux a minute. One that has only finished sending
    /// answers for as long as it waits.
    fn look(&mut self) -> io::Result<()> {
        let socket = SockRef::from(self.stream.get());
        if !std::mem::replace(&mut self.probed, true) {
            let probes = TcpKeepalive::new().with_time(PROBE).with_interval(PROBE);
            // If probes cannot be set, the socket is still checked.
            let _ = socket.set_tcp_keepalive(&probes.with_retries(PROBES));
        }
        socket.take_error()?.map_or(Ok(()), Err)
    }

    /// An error if the client has closed its side.
    fn check_fin(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if self.stream.is_ended(cx)? {
            Err(io::ErrorKind::ConnectionAborted.into())
        } else {
            Ok(())
        }
    }

    /// An error once an answer has broken off; it also makes closing reset the connection.
    fn check(&self) -> io::Result<()> {
        if !self.times.is_cut() {
            return Ok(());
        }
        let _ = self.stream.get().set_zero_linger();
        Err(io::ErrorKind::ConnectionAborted.into())
    }

    /// Writes `before` first.
    fn poll_before(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        if self.before.is_empty() {
            self.before = self.times.outgoing().take_interim().unwrap_or_default();
        }
        while !self.before.is_empty() {
            let written = Pin::new(&mut self.stream).poll_write(cx, &self.before);
            match ready!(self.note(written))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.before.advance(written),
            }
        }
        Poll::Ready(Ok(()))
    }

    /// True: these bytes are hyper's own refusal, and a replacement is written instead.
    fn refuses(&mut self, bytes: &[IoSlice<'_>]) -> bool {
        if self.times.outgoing().is_answering() {
            return false;
        }
        let bare: Vec<u8> = bytes.iter().flat_map(|bytes| bytes.iter().copied()).collect();
        let Some((refusal, explained)) = refusal::explain(&bare) else { return false };
        self.before = explained.into();
        self.times.refused(refusal);
        true
    }

    /// Notes the result of a write or a flush.
    fn note<T>(&self, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() && !self.stream.holds_bytes() {
            self.times.tell(ClientTimeouts::written);
            return written;
        }
        let stream = self.stream.get();
        // A socket that cannot be asked shows no progress.
        let acked = || sockets::acked(stream.as_fd()).unwrap_or_default();
        if self.times.tell(|timeouts, now| timeouts.refused(now, acked)) {
            // Closing with linger 0 frees the queue; the watchdog closes the socket next.
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
            // At the end of the stream nothing has arrived, but then the time no longer matters.
            self.times.tell(ClientTimeouts::arrived);
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
        ready!(self.poll_before(cx))?;
        if self.refuses(&[IoSlice::new(buf)]) {
            return Poll::Ready(Ok(buf.len()));
        }
        self.times.outgoing().writing();
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.note(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_before(cx))?;
        if self.refuses(bufs) {
            return Poll::Ready(Ok(bufs.iter().map(|buf| buf.len()).sum()));
        }
        self.times.outgoing().writing();
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.note(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// hyper flushes whenever it has nothing to write, or has written everything.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.times.outgoing().written();
        ready!(self.poll_before(cx))?;
        let mut flushed = Pin::new(&mut self.stream).poll_flush(cx);
        if self.flush_waits || flushed.is_pending() {
            flushed = self.note(flushed);
            self.flush_waits = flushed.is_pending();
        }
        if flushed.is_ready() {
            self.times.0.flushes.note();
        }
        if self.times.take_look() {
            self.look()?;
        }
        if self.times.fin_is_departure() {
            self.check_fin(cx)?;
        }
        flushed
    }

    /// Closes in stages (RFC 9112 section 9.6). Closing a socket with unread bytes, or with bytes still
    /// arriving, resets the connection, and many clients then lose an answer that they have not read yet.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.closing == Closing::Open {
            let shut = Pin::new(&mut self.stream).poll_shutdown(cx);
            ready!(if shut.is_pending() { self.note(shut) } else { shut })?;
            let sending = self.times.tell(ClientTimeouts::closing) || self.times.is_refused();
            self.closing = if sending { Closing::Lingering } else { Closing::Shut };
        }
        loop {
            match self.stream.poll_discard(cx) {
                Poll::Ready(true) => {
                    self.closing = Closing::Lingering;
                    self.times.tell(ClientTimeouts::arrived);
                }
                Poll::Pending if self.closing == Closing::Lingering => return Poll::Pending,
                Poll::Ready(false) | Poll::Pending => return Poll::Ready(Ok(())),
            }
        }
    }
}
