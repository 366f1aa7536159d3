//! A connection to an app that carries one request after the other.
//!
//! Whoever asks drives it: a request goes out and its answer comes in without a second task.

use std::error::Error;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use futures_util::task::AtomicWaker;
use http::{Request, Response};
use hyper::body::{Body, Bytes, Incoming};
use hyper::client::conn::http1;
use tokio::net::TcpStream;

use super::app_stream::{AppStream, TAKES_NOTHING};
use super::connect::connect;
use crate::http::paced::{Flushes, Paced};

/// The body of a request.
pub(crate) trait Outgoing:
    Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>> + Send> + Unpin + Send + 'static
{
}

impl<B> Outgoing for B where
    B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>> + Send> + Unpin + Send + 'static
{
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpstreamError {
    /// The app accepts no connection.
    #[error("cannot connect")]
    Refused(#[source] io::Error),
    /// It takes nothing of the request.
    #[error(transparent)]
    Stalled(hyper::Error),
    /// The head of its answer has more lines or bytes than are accepted.
    #[error(transparent)]
    TooBig(hyper::Error),
    /// It broke off, or said what is no HTTP.
    #[error(transparent)]
    Broken(hyper::Error),
}

impl From<hyper::Error> for UpstreamError {
    fn from(error: hyper::Error) -> UpstreamError {
        let cause = error.source().and_then(|cause| cause.downcast_ref::<io::Error>());
        match cause.map(io::Error::kind) {
            Some(io::ErrorKind::TimedOut) => UpstreamError::Stalled(error),
            _ if error.is_parse_too_large() => UpstreamError::TooBig(error),
            _ => UpstreamError::Broken(error),
        }
    }
}

/// No answer.
#[derive(Debug)]
pub(crate) struct Unanswered<B> {
    pub(crate) error: hyper::Error,
    /// The request itself, if nothing of it was sent.
    pub(crate) unsent: Option<Request<B>>,
}

/// How heads go to apps and come from them: each field as it was spelled, as some know it by one spelling
/// alone, and those that the proxy adds as usual. `headers`: most lines of an answer.
pub(crate) fn builder(headers: usize) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.preserve_header_case(true).title_case_headers(true).max_headers(headers);
    // RFC 9112 section 5.1: it is taken out.
    http.allow_spaces_after_header_name_in_responses(true);
    http
}

/// Whoever drives a connection at the moment.
///
/// hyper and the socket keep the waker that they have seen last, and would wake its task when the
/// next one asks: here they always see the same.
#[derive(Debug, Default)]
struct Driver(AtomicWaker);

impl Wake for Driver {
    fn wake(self: Arc<Self>) {
        self.0.wake();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.wake();
    }
}

/// One connection.
#[derive(Debug)]
pub(crate) struct UpstreamConnection<B: Outgoing> {
    driver: Arc<Driver>,
    /// The driver as those below see it.
    waker: Waker,
    sender: http1::SendRequest<Paced<B>>,
    io: Box<http1::Connection<AppStream, Paced<B>>>,
    flushes: Flushes,
    peer: SocketAddr,
    /// The HTTP on it has ended.
    over: bool,
}

impl<B: Outgoing> UpstreamConnection<B> {
    /// A new one.
    pub(crate) async fn open(
        authority: &str,
        http: &http1::Builder,
    ) -> Result<UpstreamConnection<B>, UpstreamError> {
        let (stream, peer) = connect(authority).await.map_err(UpstreamError::Refused)?;
        let stream = AppStream::new(stream, TAKES_NOTHING);
        let flushes = stream.flushes();
        let (sender, io) = http.handshake(stream).await?;
        let (driver, io) = (Arc::<Driver>::default(), Box::new(io));
        let waker = Waker::from(Arc::clone(&driver));
        Ok(UpstreamConnection { driver, waker, sender, io, flushes, peer, over: false })
    }

    /// The address that it leads to.
    pub(crate) fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// All of the last request and of its answer has been carried.
    pub(crate) fn is_free(&self) -> bool {
        !self.over && self.sender.is_ready()
    }

    /// Whoever drove it is done with it, and not to be woken for it any more.
    pub(crate) fn leave(&self) {
        self.driver.0.take();
    }

    /// Its app has not closed it, as far as is known.
    pub(crate) fn is_open(&mut self) -> bool {
        !self.is_over(&mut Context::from_waker(Waker::noop()))
    }

    /// Asks. Gives the answer's head, and the connection if there may be more to carry.
    pub(crate) async fn ask(
        mut self,
        request: Request<B>,
    ) -> Result<(Response<Incoming>, Option<UpstreamConnection<B>>), Box<Unanswered<B>>> {
        let request = request.map(|body| Paced::new(body, self.flushes.clone()));
        let mut answer = pin!(self.sender.try_send_request(request));
        let answered = poll_fn(|cx| {
            let over = self.is_over(cx);
            // Only the connection can bring the answer, and that has been polled.
            match answer.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Pending if over => Poll::Ready(None),
                answered => answered.map(Some),
            }
        });
        let (answered, connection) = match answered.await {
            Some(answered) => (answered, Some(self)),
            None => {
                // What it has not answered fails with it.
                drop(self);
                (answer.await, None)
            }
        };
        match answered {
            Ok(response) => Ok((response, connection)),
            Err(mut failed) => {
                let unsent = failed.take_message().map(|request| request.map(Paced::into_inner));
                Err(Box::new(Unanswered { error: failed.into_error(), unsent }))
            }
        }
    }

    /// Carries what is left of a request and its answer. False: the connection is over.
    pub(crate) async fn finish(&mut self) -> bool {
        poll_fn(|cx| match self.is_over(cx) {
            true => Poll::Ready(false),
            false => self.sender.poll_ready(cx).map(|ready| ready.is_ok()),
        })
        .await
    }

    /// Waits until the HTTP is over; the socket, and what was read from it behind that.
    pub(crate) async fn into_socket(mut self) -> (TcpStream, Bytes) {
        poll_fn(|cx| if self.is_over(cx) { Poll::Ready(()) } else { Poll::Pending }).await;
        let parts = self.io.into_parts();
        (parts.io.into_inner(), parts.read_buf)
    }

    /// Moves what can be moved.
    fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        self.driver.0.register(cx.waker());
        let cx = &mut Context::from_waker(&self.waker);
        self.over = self.over || self.io.poll_without_shutdown(cx).is_ready();
        self.over
    }
}

#[cfg(test)]
#[path = "connection_tests.rs"]
mod tests;
