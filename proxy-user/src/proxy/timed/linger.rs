//! The end of a connection on which more has come than was read. Closed at once, it would be reset, and
//! the client might lose the answer that it has not read yet (RFC 9112 section 9.6).

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::rt::{Read, ReadBuf};
use tokio::time::{Sleep, sleep};

/// How long the client is given to read its answer and to close.
const LINGER: Duration = Duration::from_secs(2);

/// What a client still sends is dropped, until it closes or its time is up.
#[derive(Debug)]
pub(super) struct Linger(Pin<Box<Sleep>>);

impl Linger {
    pub(super) fn new() -> Linger {
        Linger(Box::pin(sleep(LINGER)))
    }

    /// Ready: the connection may be closed.
    pub(super) fn poll<S: Read + Unpin>(
        &mut self,
        stream: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        if self.0.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        let mut dropped = [0; 4096];
        loop {
            let mut buf = ReadBuf::new(&mut dropped);
            match Pin::new(&mut *stream).poll_read(cx, buf.unfilled()) {
                Poll::Ready(Ok(())) if !buf.filled().is_empty() => {}
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}
