//! A request's line in the access log, in the making: it is added when the answer's body ends or breaks off, or
//! when the client leaves before.

use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::{Body as HttpBody, Bytes, Frame, SizeHint};
use jiff::Timestamp;

use super::Proxy;
use super::answer::Body;
use crate::clock;
use crate::core::access_log::{self, Head};
use crate::core::time::Nanos;
use crate::http::timed::Upload;
use crate::http::{REASON, Refusal};
use crate::session::App;

/// The code for a request whose client left before the answer, as nginx has it.
const CLIENT_LEFT: u16 = 499;

/// The line of one request; nothing if there is no access log.
#[derive(Debug)]
pub(super) struct RequestLine(Option<Box<Line>>);

#[derive(Debug)]
struct Line {
    proxy: Arc<Proxy>,
    /// The client's; `None` = unknown.
    address: Option<IpAddr>,
    start: Nanos,
    head: Head,
    is_head: bool,
    /// With its state when the request arrived.
    app: Option<(Arc<App>, &'static str)>,
    wait: Wait,
    status: Option<StatusCode>,
    reason: Option<HeaderValue>,
    bytes: u64,
    complete: bool,
    /// It is only counted.
    omitted: bool,
}

/// How long a request waits for its app to wake.
#[derive(Clone, Copy, Debug)]
enum Wait {
    No,
    Since(Nanos),
    Over(Duration),
}

impl RequestLine {
    /// The line of a request that arrived at `start`. `address`: its client's; `None` = unknown.
    #[inline]
    pub(super) fn new(
        proxy: &Arc<Proxy>,
        request: &Request<Upload>,
        address: impl FnOnce() -> Option<IpAddr>,
        start: Nanos,
    ) -> RequestLine {
        RequestLine(proxy.access_log.is_on().then(|| {
            let (method, headers) = (request.method(), request.headers());
            Box::new(Line {
                proxy: Arc::clone(proxy),
                address: address(),
                start,
                head: Head::of(method, request.uri(), request.version(), headers),
                is_head: method == Method::HEAD,
                app: None,
                wait: Wait::No,
                status: None,
                reason: None,
                bytes: 0,
                complete: false,
                omitted: false,
            })
        }))
    }

    /// The request is for this app.
    pub(super) fn found(&mut self, app: &Arc<App>) {
        if let Some(line) = &mut self.0 {
            line.app = Some((Arc::clone(app), app.state()));
        }
    }

    /// The request waits for its app to wake.
    pub(super) fn waits(&mut self, since: Nanos) {
        if let Some(line) = &mut self.0 {
            line.wait = Wait::Since(since);
        }
    }

    /// It waits no longer.
    pub(super) fn waited(&mut self, time: Duration) {
        if let Some(line) = &mut self.0 {
            line.wait = Wait::Over(time);
        }
    }

    /// The request is counted, not logged.
    pub(super) fn omit(&mut self) {
        if let Some(line) = &mut self.0 {
            line.omitted = true;
        }
    }

    /// The answer has begun.
    pub(super) fn answered(mut self, response: Response<Body>) -> Response<LoggedBody> {
        if let Some(line) = &mut self.0 {
            line.status = Some(response.status());
            line.reason = response.headers().get(REASON).cloned();
            // Its body is not sent.
            line.complete = line.is_head;
        }
        response.map(|body| LoggedBody { body, line: self })
    }
}

/// Adds the line of something that is not a readable request.
pub(super) fn refused(proxy: &Proxy, peer: SocketAddr, refusal: Refusal) {
    proxy.access_log.add(|format, line| {
        let request = access_log::Request {
            at: now(),
            client: Some(peer.ip().to_canonical()),
            head: None,
            status: refusal.status.as_u16(),
            bytes: refusal.bytes,
            complete: true,
            app: None,
            state: None,
            reason: Some(refusal.reason),
            wake: None,
            took: None,
        };
        request.write(format, line);
    });
}

/// The wall clock's time; the epoch if it is out of the range of years.
pub(super) fn now() -> Timestamp {
    Timestamp::try_from(clock::wall(clock::now())).unwrap_or_default()
}

impl Drop for Line {
    fn drop(&mut self) {
        if self.omitted {
            return;
        }
        self.proxy.access_log.add(|format, line| {
            let request = access_log::Request {
                at: now(),
                client: self.address,
                head: Some(&self.head),
                status: self.status.map_or(CLIENT_LEFT, |status| status.as_u16()),
                bytes: self.bytes,
                complete: self.complete,
                app: self.app.as_ref().map(|(app, _)| &*app.name),
                state: self.app.as_ref().map(|(_, state)| *state),
                reason: self.reason.as_ref().and_then(|reason| reason.to_str().ok()),
                wake: match self.wait {
                    Wait::No => None,
                    Wait::Since(since) => Some(clock::elapsed(since)),
                    Wait::Over(time) => Some(time),
                },
                took: Some(clock::elapsed(self.start)),
            };
            request.write(format, line);
        });
    }
}

/// An answer's body, followed for its request's line.
#[derive(Debug)]
pub(super) struct LoggedBody {
    body: Body,
    line: RequestLine,
}

impl HttpBody for LoggedBody {
    type Data = Bytes;
    type Error = <Body as HttpBody>::Error;

    #[inline]
    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        if let Some(line) = &mut self.line.0 {
            match &frame {
                Poll::Ready(Some(Ok(frame))) => {
                    line.bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
                }
                Poll::Ready(None) => line.complete = true,
                Poll::Ready(Some(Err(_))) | Poll::Pending => {}
            }
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

impl Drop for LoggedBody {
    fn drop(&mut self) {
        if let Some(line) = &mut self.line.0 {
            line.complete |= self.body.is_end_stream();
        }
    }
}
