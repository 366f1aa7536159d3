//! HTTP/1.1 on a connection with timeouts for the client. `core::client_timeouts` decides how long each
//! step may take; this module feeds it and carries out its verdict.
//!
//! All of this ends with HTTP: a session gets the bare socket.

mod body;
mod expect;
mod interim;
mod io;
mod outgoing;
mod watchdog;

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use futures_util::FutureExt;
use http::header::CONNECTION;
use http::{HeaderValue, Request, Response};
use hyper::body::{Body, Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use parking_lot::Mutex;

use self::body::Answered;
pub(crate) use self::body::{Upload, UploadError};
use self::expect::Expectation;
pub(crate) use self::interim::Interim;
pub(crate) use self::io::Timed;
use self::outgoing::Outgoing;
use self::watchdog::{Watchdog, WatchdogAction};
use crate::clock;
use crate::core::client_timeouts::{ClientTimeouts, Overdue};
use crate::core::headers::asks_websocket;
use crate::core::time::Nanos;
use crate::http::Refusal;
use crate::http::paced::Flushes;
use crate::http::stream::Stream;

/// Why a connection ended before its client was done with it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Ended {
    /// The connection broke off, or did not carry HTTP.
    #[error(transparent)]
    Http(#[from] hyper::Error),
    /// The request could not be read, and was answered with an error.
    #[error("the request cannot be read: {}", .0.status)]
    Refused(Refusal),
    /// The client took too long.
    #[error("the client is too slow: {0:?}")]
    Overdue(Overdue),
}

/// One connection's state, shared by its parts.
#[derive(Clone, Debug)]
struct Times(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    timeouts: Mutex<ClientTimeouts>,
    /// The socket's owner must check whether the client is still there.
    look: AtomicBool,
    /// A client that closes its side while it waits for an answer has left.
    fin_is_departure: AtomicBool,
    /// An answer broke off, and only closing the connection would mark its end. The socket must be reset: if it
    /// were closed, the answer would look complete (RFC 9112 section 8).
    cut: AtomicBool,
    outgoing: Outgoing,
    /// The answer with which hyper itself refused the request.
    refused: OnceLock<Refusal>,
    flushes: Flushes,
}

impl Times {
    fn new(timeouts: ClientTimeouts) -> Times {
        Times(Arc::new(Shared {
            timeouts: Mutex::new(timeouts),
            look: AtomicBool::default(),
            fin_is_departure: AtomicBool::default(),
            cut: AtomicBool::default(),
            outgoing: Outgoing::new(),
            refused: OnceLock::new(),
            flushes: Flushes::default(),
        }))
    }

    /// The flush counter for bodies sent over the connection.
    fn flushes(&self) -> Flushes {
        self.0.flushes.clone()
    }

    fn cut(&self) {
        self.0.cut.store(true, Ordering::Relaxed);
    }

    fn is_cut(&self) -> bool {
        self.0.cut.load(Ordering::Relaxed)
    }

    fn outgoing(&self) -> &Outgoing {
        &self.0.outgoing
    }

    fn refused(&self, refusal: Refusal) {
        // A connection ends with its first refusal.
        let _ = self.0.refused.set(refusal);
    }

    fn is_refused(&self) -> bool {
        self.0.refused.get().is_some()
    }

    fn ask_for_look(&self) {
        self.0.look.store(true, Ordering::Relaxed);
    }

    fn take_look(&self) -> bool {
        self.0.look.load(Ordering::Relaxed) && self.0.look.swap(false, Ordering::Relaxed)
    }

    fn set_fin_is_departure(&self, is: bool) -> bool {
        self.0.fin_is_departure.swap(is, Ordering::Relaxed)
    }

    fn fin_is_departure(&self) -> bool {
        self.0.fin_is_departure.load(Ordering::Relaxed)
    }

    fn tell<T>(&self, event: impl FnOnce(&mut ClientTimeouts, Nanos) -> T) -> T {
        self.tell_at(clock::coarse(), event)
    }

    fn tell_at<T>(&self, now: Nanos, event: impl FnOnce(&mut ClientTimeouts, Nanos) -> T) -> T {
        event(&mut self.0.timeouts.lock(), now)
    }
}

/// While this exists, a client that closes its side is taken to have left.
#[derive(Debug)]
pub(crate) struct Held {
    times: Times,
    /// The previous value.
    before: bool,
}

impl Held {
    fn new(times: Times) -> Held {
        let before = times.set_fin_is_departure(true);
        Held { times, before }
    }
}

/// Makes a [`Held`] once the answer has begun. Until then, [`serve`] decides what a closed side means.
#[derive(Debug)]
pub(crate) struct Holder(Times);

impl Holder {
    fn new(times: Times) -> Holder {
        Holder(times)
    }

    /// From now on a client that closes its side has left.
    pub(crate) fn hold(&self) -> Held {
        Held::new(self.0.clone())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.times.set_fin_is_departure(self.before);
    }
}

/// HTTP for [`serve`].
pub(crate) fn http() -> http1::Builder {
    let mut http = http1::Builder::new();
    // hyper's own limit also covers idle time. A client may finish sending before it is answered (RFC 9112
    // section 9.6); one that has left is detected at its socket.
    http.header_read_timeout(None).half_close(true);
    http
}

/// Serves `stream` until it ends, is upgraded from HTTP to something else, or its client is overdue. Once
/// `closing` resolves, it ends with the current request.
pub(crate) async fn serve<F, R, B>(
    http: &http1::Builder,
    stream: Stream,
    timeouts: ClientTimeouts,
    closing: impl Future<Output = ()>,
    answer: F,
) -> Result<(), Ended>
where
    F: Fn(Request<Upload>) -> R,
    R: Future<Output = Response<B>>,
    B: Body<Data = Bytes> + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let times = Times::new(timeouts);
    let mut watchdog = Watchdog::new(times.clone());
    let stream = Timed::new(stream, times.clone());
    let shared = times.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let version = request.version();
        let body = !request.body().is_end_stream();
        let turn = times.tell(|timeouts, now| timeouts.asked(body, now));
        times.outgoing().asked();
        // A handshake's half-close would leave half a session.
        let handshake = asks_websocket(request.method(), version, request.headers());
        times.set_fin_is_departure(handshake);
        let expectation = body.then(|| Expectation::of(version, request.headers())).flatten();
        let upload = |body| Upload::new(body, turn, times.clone(), version, expectation.clone());
        let answer = answer(request.map(upload));
        let times = times.clone();
        // An async block would hold the answer twice: captured, and awaited.
        answer.map(move |mut response| {
            times.outgoing().answered();
            times.set_fin_is_departure(false);
            let refused = expectation.filter(Expectation::refuse);
            if refused.is_some() {
                // The next bytes may be the refused body, or the next request.
                response.headers_mut().append(CONNECTION, HeaderValue::from_static("close"));
            }
            let answered = |body| Answered::new(body, turn, times, version, refused);
            Ok::<_, Infallible>(response.map(answered))
        })
    });
    let mut connection = pin!(http.serve_connection(stream, service).with_upgrades());
    let mut closing = pin!(closing);
    let mut is_closing = false;
    let ended = loop {
        tokio::select! {
            // The connection is polled first, so that the watchdog sees its latest state.
            biased;
            served = connection.as_mut() => break served.map_err(Ended::Http),
            verdict = poll_fn(|cx| watchdog.poll(cx)) => match verdict {
                // The connection is polled next, and flushes its socket.
                WatchdogAction::Look => shared.ask_for_look(),
                WatchdogAction::Retire => connection.as_mut().graceful_shutdown(),
                WatchdogAction::Cut(overdue) => break Err(Ended::Overdue(overdue)),
            },
            () = closing.as_mut(), if !is_closing => {
                is_closing = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    };
    match shared.0.refused.get() {
        Some(refusal) => Err(Ended::Refused(*refusal)),
        None => ended,
    }
}

#[cfg(test)]
mod tests;
