//! A socket below hyper.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Up to so many bytes are copied into one piece, which send(2) takes: writev(2) has the file's
/// position and the pieces to look after, for longer than it takes to copy these.
const SMALL: usize = 1024;

/// A socket that sends what is small in one piece.
#[derive(Debug)]
pub(crate) struct Stream(TokioIo<TcpStream>);

impl Stream {
    pub(super) fn new(stream: TcpStream) -> Stream {
        Stream(TokioIo::new(stream))
    }

    pub(super) fn get(&self) -> &TcpStream {
        self.0.inner()
    }

    /// The socket alone.
    pub(super) fn into_inner(self) -> TcpStream {
        self.0.into_inner()
    }
}

impl Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl Write for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let stream = Pin::new(&mut self.0);
        if let [buf] = bufs {
            return stream.poll_write(cx, buf);
        }
        let mut piece = [0; SMALL];
        match join(bufs, &mut piece) {
            Some(joined) => stream.poll_write(cx, joined),
            None => stream.poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// All of `bufs` in one, if it has room for them.
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
