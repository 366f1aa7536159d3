//! The socket below hyper, plain or with TLS.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hyper::rt::{Read, ReadBuf, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_rustls::TlsStream;
use tokio_util::either::Either;

use super::queues::Queues;

/// Writes up to this size are joined into one buffer and sent by send(2), which is cheaper than the file
/// position and segment handling of writev(2).
const SMALL: usize = 1024;
/// Bytes discarded at a time.
const DISCARD: usize = 16 << 10;

/// A socket that sends small writes as one, and queues little while data does not flow.
#[derive(Debug)]
pub(crate) struct Stream {
    io: Io,
    queues: Queues,
}

type Io = TokioIo<Either<TcpStream, Box<TlsStream<TcpStream>>>>;

/// A socket that has left HTTP.
#[derive(Debug)]
pub(crate) struct BareSocket {
    pub(crate) socket: TcpStream,
    /// The TLS connection on it, if there is one.
    pub(crate) tls: Option<Box<rustls::Connection>>,
}

impl From<TcpStream> for Stream {
    fn from(stream: TcpStream) -> Stream {
        Stream { io: TokioIo::new(Either::Left(stream)), queues: Queues::default() }
    }
}

impl From<TlsStream<TcpStream>> for Stream {
    fn from(stream: TlsStream<TcpStream>) -> Stream {
        Stream { io: TokioIo::new(Either::Right(Box::new(stream))), queues: Queues::default() }
    }
}

impl Stream {
    /// The TCP socket. What is read from it or written to it is lost to TLS.
    pub(crate) fn get(&self) -> &TcpStream {
        socket(&self.io)
    }

    /// Takes the socket away from HTTP.
    pub(crate) fn into_inner(self) -> BareSocket {
        self.queues.release(self.get());
        match self.io.into_inner() {
            Either::Left(socket) => BareSocket { socket, tls: None },
            Either::Right(tls) => {
                let (socket, tls) = match *tls {
                    TlsStream::Server(tls) => {
                        let (socket, tls) = tls.into_inner();
                        (socket, rustls::Connection::Server(tls))
                    }
                    TlsStream::Client(tls) => {
                        let (socket, tls) = tls.into_inner();
                        (socket, rustls::Connection::Client(tls))
                    }
                };
                BareSocket { socket, tls: Some(Box::new(tls)) }
            }
        }
    }

    /// Whether the peer has closed its side, as far as can be known without reading. Over TLS the alert that
    /// says so is not seen while data waits before it.
    ///
    /// # Errors
    /// The connection is broken.
    pub(crate) fn is_ended(&mut self, cx: &mut Context<'_>) -> io::Result<bool> {
        let mut byte = [0];
        match self.get().poll_peek(cx, &mut tokio::io::ReadBuf::new(&mut byte)) {
            Poll::Ready(Ok(0)) => Ok(true),
            Poll::Ready(Ok(_)) => self.is_ended_by_alert(),
            Poll::Ready(Err(error)) => Err(error),
            Poll::Pending => Ok(false),
        }
    }

    /// Lets TLS read what has arrived. It keeps the data for the next read.
    fn is_ended_by_alert(&mut self) -> io::Result<bool> {
        let Either::Right(tls) = self.io.inner_mut() else { return Ok(false) };
        let TlsStream::Server(tls) = &mut **tls else { return Ok(false) };
        let (socket, tls) = tls.get_mut();
        match tls.read_tls(&mut Arrived(socket)) {
            Ok(_) => {
                let state = tls.process_new_packets().map_err(io::Error::other)?;
                Ok(state.peer_has_closed())
            }
            // Nothing has arrived, or enough is kept.
            Err(error)
                if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Other) =>
            {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Whether TLS holds bytes that were written and that the socket has not taken.
    pub(crate) fn holds_bytes(&self) -> bool {
        match self.io.inner() {
            Either::Left(_) => false,
            Either::Right(tls) => tls.get_ref().1.wants_write(),
        }
    }

    /// Reads, and returns the number of bytes; 0 = the peer has closed its side.
    pub(crate) fn poll_read_some(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBufCursor<'_>,
    ) -> Poll<io::Result<usize>> {
        let room = buf.remaining().min(self.queues.next_read());
        // SAFETY: initialised bytes stay initialised: a `ReadBuf` only fills the buffer.
        let mut piece = ReadBuf::uninit(unsafe { &mut buf.as_mut()[..room] });
        ready!(Pin::new(&mut self.io).poll_read(cx, piece.unfilled()))?;
        let count = piece.filled().len();
        // SAFETY: the first `count` bytes were filled.
        unsafe { buf.advance(count) };
        let socket = socket(&self.io);
        self.queues.read(socket, count);
        Poll::Ready(Ok(count))
    }

    /// Reads and discards some bytes. False: the peer's FIN came, or the connection broke.
    pub(crate) fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        let mut piece = [MaybeUninit::uninit(); DISCARD];
        let mut piece = ReadBuf::uninit(&mut piece);
        let read = ready!(Pin::new(&mut self.io).poll_read(cx, piece.unfilled()));
        Poll::Ready(read.is_ok() && !piece.filled().is_empty())
    }
    /// Has TLS pass on what it holds, before it is given more.
    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.holds_bytes() { Pin::new(&mut self.io).poll_flush(cx) } else { Poll::Ready(Ok(())) }
    }

    fn note_written(&mut self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(count)) = written {
            let socket = socket(&self.io);
            self.queues.written(socket, count);
        }
        written
    }
}

impl Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        self.poll_read_some(cx, &mut buf).map_ok(drop)
    }
}

impl Write for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_rest(cx))?;
        let written = Pin::new(&mut self.io).poll_write(cx, buf);
        self.note_written(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let [buf] = bufs {
            return self.poll_write(cx, buf);
        }
        let mut piece = [0; SMALL];
        if let Some(joined) = join(bufs, &mut piece) {
            return self.poll_write(cx, joined);
        }
        ready!(self.poll_rest(cx))?;
        let written = Pin::new(&mut self.io).poll_write_vectored(cx, bufs);
        self.note_written(written)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

fn socket(io: &Io) -> &TcpStream {
    match io.inner() {
        Either::Left(socket) => socket,
        Either::Right(tls) => tls.get_ref().0,
    }
}

/// What has arrived on a socket, without waiting for more.
struct Arrived<'a>(&'a TcpStream);

impl io::Read for Arrived<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(buffer)
    }
}

/// All of `bufs` joined in `piece`, if they fit.
fn join<'a>(bufs: &[IoSlice<'_>], piece: &'a mut [u8; SMALL]) -> Option<&'a [u8]> {
    let mut end = 0;
    for buf in bufs {
        let start = end;
        end += buf.len();
        piece.get_mut(start..end)?.copy_from_slice(buf);
    }
    piece.get(..end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_has_room_is_joined_in_order(
            bufs in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..400), 0..6),
        ) {
            let whole = bufs.concat();
            let bufs: Vec<_> = bufs.iter().map(|buf| IoSlice::new(buf)).collect();
            let mut piece = [0; SMALL];
            let expected = (whole.len() <= SMALL).then_some(&*whole);
            prop_assert_eq!(join(&bufs, &mut piece), expected);
        }
    }
}
