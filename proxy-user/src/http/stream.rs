//! The TCP socket below hyper.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hyper::rt::{Read, ReadBuf, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::queues::Queues;

/// Writes up to this size are joined into one buffer and sent by send(2), which is cheaper than the file
/// position and segment handling of writev(2).
const SMALL: usize = 1024;
/// Bytes discarded at a time.
const DISCARD: usize = 16 << 10;

/// A socket that sends small writes as one, and queues little while data does not flow.
#[derive(Debug)]
pub(crate) struct Stream {
    io: TokioIo<TcpStream>,
    queues: Queues,
}

impl Stream {
    pub(crate) fn new(stream: TcpStream) -> Stream {
        Stream { io: TokioIo::new(stream), queues: Queues::default() }
    }

    pub(crate) fn get(&self) -> &TcpStream {
        self.io.inner()
    }

    /// The socket alone.
    pub(crate) fn into_inner(self) -> TcpStream {
        self.queues.release(self.get());
        self.io.into_inner()
    }

    /// Reads, and returns the number of bytes; 0 = the peer's FIN.
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
        self.queues.read(self.io.inner(), count);
        Poll::Ready(Ok(count))
    }

    /// Reads and discards some bytes. False: the peer's FIN came, or the connection broke.
    pub(crate) fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        let mut piece = [MaybeUninit::uninit(); DISCARD];
        let mut piece = ReadBuf::uninit(&mut piece);
        let read = ready!(Pin::new(&mut self.io).poll_read(cx, piece.unfilled()));
        Poll::Ready(read.is_ok() && !piece.filled().is_empty())
    }

    fn note_written(&mut self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(count)) = written {
            self.queues.written(self.io.inner(), count);
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
