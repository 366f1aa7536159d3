//! Bodies that report when they wait for the client, and when they end.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Version;
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};

use super::expect::{Expectation, Gate, Unwanted};
use super::{Held, Holder, Interim, Times};
use crate::core::client_timeouts::{ClientTimeouts, Turn};
use crate::http::paced::Paced;

/// A request's body on its way to the app, without its trailers. Many servers merge trailers into the
/// header fields, bypassing everything that the proxy has removed and set there (RFC 9110 section 6.5.1).
#[derive(Debug)]
pub(crate) struct Upload {
    body: Incoming,
    /// Frames that were read before the body was asked for.
    ahead: VecDeque<Frame<Bytes>>,
    /// The body has been read to its end, or broke off.
    over: bool,
    turn: Turn,
    times: Times,
    /// The client's HTTP version.
    version: Version,
    expectation: Option<Expectation>,
    /// Present until the body may be read.
    gate: Option<Gate>,
}

/// Why a request's body ended early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UploadError {
    /// The client broke it off, or it is malformed.
    #[error(transparent)]
    Broken(#[from] hyper::Error),
    /// The app has answered without reading it.
    #[error("the app does not want the body")]
    Unwanted,
}

impl Upload {
    pub(super) fn new(
        body: Incoming,
        turn: Turn,
        times: Times,
        version: Version,
        expectation: Option<Expectation>,
    ) -> Upload {
        let gate = expectation.clone().map(Gate::new);
        Upload {
            body,
            ahead: VecDeque::new(),
            over: false,
            turn,
            times,
            version,
            expectation,
            gate,
        }
    }

    /// The client waits for 100 (Continue) before it sends the body.
    pub(crate) fn is_held_back(&self) -> bool {
        self.gate.is_some()
    }

    /// The first bytes of the body, up to a frame more than `most`; true = that is the whole body. They are still
    /// delivered afterwards.
    ///
    /// # Errors
    /// The body breaks off.
    pub(crate) async fn peek(&mut self, most: usize) -> Result<(Vec<u8>, bool), UploadError> {
        let mut ahead = std::mem::take(&mut self.ahead);
        // What an earlier call has read.
        let data = ahead.iter().filter_map(|frame: &Frame<Bytes>| frame.data_ref());
        let mut start: Vec<u8> = data.flatten().copied().collect();
        let read = loop {
            if start.len() > most || self.is_end_stream() {
                break Ok(());
            }
            match poll_fn(|cx| Pin::new(&mut *self).poll_frame(cx)).await {
                Some(Ok(frame)) => {
                    start.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
                    ahead.push_back(frame);
                }
                Some(Err(error)) => break Err(error),
                None => break Ok(()),
            }
        };
        let whole = self.is_end_stream();
        self.ahead = ahead;
        read.map(|()| (start, whole))
    }

    /// Until the result is dropped, a client that closes its side is taken to have left: it cannot be told
    /// from one that has only finished sending, and must not keep a place.
    pub(crate) fn hold(&self) -> Held {
        Held::new(self.times.clone())
    }

    /// Makes a [`Held`] once its answer has begun.
    pub(crate) fn holder(&self) -> Holder {
        Holder::new(self.times.clone())
    }

    /// Takes the interim answers to its request.
    pub(crate) fn interim(&self) -> Option<Interim> {
        Interim::new(&self.times, self.version, self.expectation.clone())
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = UploadError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, UploadError>>> {
        if let Some(frame) = self.ahead.pop_front() {
            return Poll::Ready(Some(Ok(frame)));
        }
        if let Some(gate) = &mut self.gate {
            if let Err(Unwanted) = ready!(gate.poll(cx)) {
                return Poll::Ready(Some(Err(UploadError::Unwanted)));
            }
            self.gate = None;
        }
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        let frame =
            frame.map(|frame| frame.filter(|frame| !frame.as_ref().is_ok_and(Frame::is_trailers)));
        let event = match &frame {
            Poll::Pending => ClientTimeouts::wanted,
            Poll::Ready(Some(Ok(_))) => ClientTimeouts::given,
            Poll::Ready(Some(Err(_)) | None) => ClientTimeouts::uploaded,
        };
        self.over |= matches!(frame, Poll::Ready(Some(Err(_)) | None));
        self.times.tell(|timeouts, now| event(timeouts, self.turn, now));
        frame.map_err(UploadError::Broken)
    }

    fn is_end_stream(&self) -> bool {
        self.ahead.is_empty() && (self.over || self.body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        let ahead = self.ahead.iter().filter_map(Frame::data_ref).map(|data| data.len() as u64);
        let (ahead, rest) = (ahead.sum::<u64>(), self.body.size_hint());
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower() + ahead);
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper + ahead);
        }
        hint
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        let whole = self.over || self.body.is_end_stream();
        let event = if whole { ClientTimeouts::uploaded } else { ClientTimeouts::abandoned };
        self.times.tell(|timeouts, now| event(timeouts, self.turn, now));
    }
}

/// An answer's body on its way to the client.
pub(super) struct Answered<B: Body> {
    body: Paced<B>,
    turn: Turn,
    times: Times,
    /// The client's HTTP version.
    version: Version,
    /// The expectation that this answer refuses, if the body is no longer wanted.
    refused: Option<Expectation>,
}

impl<B: Body> Answered<B> {
    pub(super) fn new(
        body: B,
        turn: Turn,
        times: Times,
        version: Version,
        refused: Option<Expectation>,
    ) -> Answered<B> {
        let body = Paced::new(body, times.flushes());
        Answered { body, turn, times, version, refused }
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
        // An HTTP/1.0 client does not know chunks, so a body without a length ends with the connection.
        // hyper would close it without shutting down the socket; an error from the socket resets it
        // instead.
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

impl<B: Body> Drop for Answered<B> {
    fn drop(&mut self) {
        self.times.tell(|timeouts, now| timeouts.answered(self.turn, now));
        self.times.outgoing().ended();
        if let Some(refused) = &self.refused {
            refused.over();
        }
    }
}
