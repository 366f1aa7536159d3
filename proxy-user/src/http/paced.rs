//! Bodies that do not run ahead of their socket. If a peer does not read, hyper takes as much of a body as fits
//! into its buffers, on every connection. And when a body breaks off, hyper drops what is in its buffers,
//! including the message's head.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use futures_util::task::AtomicWaker;
use hyper::body::{Body, Buf, Frame, SizeHint};

/// How many bytes of a body may wait in hyper's buffers before it is polled for more.
const AHEAD: usize = 16 << 10;

/// Counts how often hyper has emptied its buffers for a connection. Shared by the socket, which counts, and the
/// bodies sent over it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flushes(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    count: AtomicU64,
    /// The task that waits for the next flush.
    waiting: AtomicWaker,
}

impl Flushes {
    /// Called when hyper flushes the socket, which it does when it has written everything.
    pub(crate) fn note(&self) {
        self.0.count.fetch_add(1, Ordering::Relaxed);
        self.0.waiting.wake();
    }

    fn count(&self) -> u64 {
        self.0.count.load(Ordering::Relaxed)
    }

    /// Wakes the task at the next flush, which the same task will cause.
    fn wait(&self, cx: &Context<'_>) {
        self.0.waiting.register(cx.waker());
    }
}

/// An outgoing body.
pub(crate) struct Paced<B: Body> {
    body: B,
    flushes: Flushes,
    /// The number of flushes when the body was last polled.
    seen: u64,
    /// Bytes given to hyper since then.
    ahead: usize,
    /// Nothing has been flushed since the body, or its last frame, was given to hyper.
    buffered: bool,
    /// Why it broke off; reported once everything before it is written.
    broken: Option<B::Error>,
}

impl<B: Body> Paced<B> {
    /// A body whose head is about to be written.
    pub(crate) fn new(body: B, flushes: Flushes) -> Paced<B> {
        let seen = flushes.count();
        Paced { body, flushes, seen, ahead: 0, buffered: true, broken: None }
    }

    pub(crate) fn into_inner(self) -> B {
        self.body
    }
}

// The error is never pinned.
impl<B: Body + Unpin> Unpin for Paced<B> {}

impl<B: Body + Unpin> Body for Paced<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = &mut *self;
        let count = this.flushes.count();
        if std::mem::replace(&mut this.seen, count) != count {
            (this.ahead, this.buffered) = (0, false);
        }
        if this.ahead >= AHEAD {
            // hyper writes next.
            this.flushes.wait(cx);
            return Poll::Pending;
        }
        if this.broken.is_none() {
            match ready!(Pin::new(&mut this.body).poll_frame(cx)) {
                Some(Err(error)) => this.broken = Some(error),
                Some(Ok(frame)) => {
                    this.ahead += frame.data_ref().map_or(0, Buf::remaining);
                    this.buffered = true;
                    return Poll::Ready(Some(Ok(frame)));
                }
                None => return Poll::Ready(None),
            }
        }
        if this.buffered {
            this.flushes.wait(cx);
            return Poll::Pending;
        }
        Poll::Ready(this.broken.take().map(Err))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::convert::Infallible;
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;

    use bytes::Bytes;

    use super::*;

    /// A body that has all of its frames at once.
    struct Frames(VecDeque<Bytes>);

    impl Body for Frames {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Ready(self.0.pop_front().map(|bytes| Ok(Frame::data(bytes))))
        }
    }

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_body_waits_for_the_flush_and_is_woken_by_it() {
        let wakes = Arc::<Wakes>::default();
        let waker = Arc::clone(&wakes).into();
        let cx = &mut Context::from_waker(&waker);
        let flushes = Flushes::default();
        let frames = std::iter::repeat_n(Bytes::from(vec![b'x'; AHEAD / 2]), 3);
        let mut body = Paced::new(Frames(frames.collect()), flushes.clone());
        let mut frame = || Pin::new(&mut body).poll_frame(cx).map(|frame| frame.is_some());
        assert_eq!(
            [frame(), frame(), frame()],
            [Poll::Ready(true), Poll::Ready(true), Poll::Pending]
        );
        assert_eq!(wakes.0.load(Ordering::Relaxed), 0);
        flushes.note();
        assert_eq!(wakes.0.load(Ordering::Relaxed), 1);
        assert_eq!([frame(), frame()], [Poll::Ready(true), Poll::Ready(false)]);
        flushes.note();
        assert_eq!(wakes.0.load(Ordering::Relaxed), 1, "nobody waits");
    }
}
