//! A connection to an app, for one request after another.
//!
//! The task that sends a request drives the connection: sending the request and reading the answer take no
//! second task.

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

use super::app_stream::{AppStream, TAKES_NOTHING};
use super::connect::connect;
use crate::config::Upstream;
use crate::http::paced::{Flushes, Paced};
use crate::http::stream::BareSocket;
use crate::tls::{ClientTls, NoClientTls};

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
    /// The app does not accept a connection.
    #[error("cannot connect")]
    Refused(#[source] io::Error),
    /// The app does not speak TLS, or its certificate is not trusted. `hint`: what that means to its operator.
    #[error("the TLS handshake with the app failed{hint}")]
    Handshake {
        hint: &'static str,
        #[source]
        error: io::Error,
    },
    /// There is nothing to verify the app with.
    #[error("the app cannot be verified")]
    NoTls(#[from] NoClientTls),
    /// The app takes nothing of the request.
    #[error(transparent)]
    Stalled(hyper::Error),
    /// The head of the answer has more lines or bytes than are accepted.
    #[error(transparent)]
    TooBig(hyper::Error),
    /// The app broke the connection, or its answer was not HTTP.
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

/// Why a request has no answer.
#[derive(Debug)]
pub(crate) struct Unanswered<B> {
    pub(crate) error: hyper::Error,
    /// The request, if nothing of it was sent.
    pub(crate) unsent: Option<Request<B>>,
}

/// How heads are written to apps and read from them. Field names keep their spelling, as some peers
/// recognise only one; fields that the proxy adds get the usual spelling. `headers`: the most lines
/// in the head of an answer.
pub(crate) fn builder(headers: usize) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.preserve_header_case(true).title_case_headers(true).max_headers(headers);
    // RFC 9112 section 5.1: a proxy removes this space.
    http.allow_spaces_after_header_name_in_responses(true);
    http
}

/// The task that drives a connection at the moment.
///
/// hyper and the socket keep the last waker that they saw, and would wake its task although another one has
/// taken over. Here they always see the same waker.
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
    /// The waker that hyper and the socket see.
    waker: Waker,
    sender: http1::SendRequest<Paced<B>>,
    io: Box<http1::Connection<AppStream, Paced<B>>>,
    flushes: Flushes,
    peer: SocketAddr,
    tls: Option<ClientTls>,
    /// HTTP on the connection has ended.
    over: bool,
}

impl<B: Outgoing> UpstreamConnection<B> {
    /// Opens a connection.
    pub(crate) async fn open(
        app: &Upstream,
        http: &http1::Builder,
    ) -> Result<UpstreamConnection<B>, UpstreamError> {
        let (stream, peer) = connect(app).await?;
        let stream = AppStream::new(stream, TAKES_NOTHING);
        let flushes = stream.flushes();
        let (sender, io) = http.handshake(stream).await?;
        let (driver, io) = (Arc::<Driver>::default(), Box::new(io));
        let waker = Waker::from(Arc::clone(&driver));
        let tls = app.tls().cloned();
        Ok(UpstreamConnection { driver, waker, sender, io, flushes, peer, tls, over: false })
    }

    /// The remote address.
    pub(crate) fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Whether its app was verified as this one is to be. Without TLS no app is.
    pub(super) fn is_verified_as(&self, app: &Upstream) -> bool {
        match (&self.tls, app.tls()) {
            (Some(tls), Some(wanted)) => tls.is_clone_of(wanted),
            (None, None) => true,
            _ => false,
        }
    }

    /// Whether the last request and its answer are complete.
    pub(crate) fn is_free(&self) -> bool {
        !self.over && self.sender.is_ready()
    }

    /// The task that drives it is done and must not be woken any more.
    pub(crate) fn leave(&self) {
        self.driver.0.take();
    }

    /// Whether it is still open, as far as is known.
    pub(crate) fn is_open(&mut self) -> bool {
        !self.is_over(&mut Context::from_waker(Waker::noop()))
    }

    /// Sends a request. Returns the answer's head, and the connection if it is still needed.
    pub(crate) async fn ask(
        mut self,
        request: Request<B>,
    ) -> Result<(Response<Incoming>, Option<UpstreamConnection<B>>), Box<Unanswered<B>>> {
        let request = request.map(|body| Paced::new(body, self.flushes.clone()));
        let mut answer = pin!(self.sender.try_send_request(request));
        let answered = poll_fn(|cx| {
            let over = self.is_over(cx);
            // Only polling the connection can bring the answer, and that has just been done.
            match answer.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Pending if over => Poll::Ready(None),
                answered => answered.map(Some),
            }
        });
        let (answered, connection) = match answered.await {
            Some(answered) => (answered, Some(self)),
            None => {
                // This makes requests without an answer fail.
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

    /// Transfers the rest of a request and its answer. False: the connection has ended.
    pub(crate) async fn finish(&mut self) -> bool {
        poll_fn(|cx| match self.is_over(cx) {
            true => Poll::Ready(false),
            false => self.sender.poll_ready(cx).map(|ready| ready.is_ok()),
        })
        .await
    }

    /// Waits until HTTP has ended. Returns the socket, and the bytes read after that.
    pub(crate) async fn into_socket(mut self) -> (BareSocket, Bytes) {
        poll_fn(|cx| if self.is_over(cx) { Poll::Ready(()) } else { Poll::Pending }).await;
        let parts = self.io.into_parts();
        (parts.io.into_inner(), parts.read_buf)
    }

    /// Makes progress; true once HTTP has ended.
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
