//! Bodies that tell when they wait for the client, and when they are over.

use std::pin::Pin;
use std::task::{Context, Poll};

use http::Version;
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};

use super::Times;
use crate::core::patience::{Patience, Turn};

/// A request's body on its way to the app, without its trailers. Many servers merge trailers into the
/// header fields, past everything that the proxy has removed and set there (RFC 9110 section 6.5.1).
#[derive(Debug)]
pub(crate) struct Upload {
    body: Incoming,
    turn: Turn,
    times: Times,
}

impl Upload {
    pub(super) fn new(body: Incoming, turn: Turn, times: Times) -> Upload {
        Upload { body, turn, times }
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        let frame =
            frame.map(|frame| frame.filter(|frame| !frame.as_ref().is_ok_and(Frame::is_trailers)));
        let event = match &frame {
            Poll::Pending => Patience::wanted,
            Poll::Ready(Some(_)) => Patience::given,
            Poll::Ready(None) => Patience::uploaded,
        };
        self.times.tell(|patience, now| event(patience, self.turn, now));
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        self.times.tell(|patience, now| patience.uploaded(self.turn, now));
    }
}

/// An answer's body on its way to the client.
#[derive(Debug)]
pub(super) struct Answered<B> {
    body: B,
    turn: Turn,
    times: Times,
    /// The client's.
    version: Version,
}

impl<B> Answered<B> {
    pub(super) fn new(body: B, turn: Turn, times: Times, version: Version) -> Answered<B> {
        Answered { body, turn, times, version }
    }
}

impl<B: Body + Unpin> Body for Answered<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        // An HTTP/1.0 client knows no chunks, so that what has no length ends with the connection. hyper
        // would close it, and does not pass by the socket before: the socket's error ends it instead.
        if self.version == Version::HTTP_10 && matches!(frame, Poll::Ready(Some(Err(_)))) {
            self.times.cut();
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B> Drop for Answered<B> {
    fn drop(&mut self) {
        self.times.tell(|patience, now| patience.answered(self.turn, now));
    }
}
