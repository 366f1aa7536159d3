//! What Ebbtide answers by itself. Each answer says why in `X-Ebbtide-Reason`.

use std::convert::Infallible;

use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, LOCATION,
    REFERRER_POLICY, RETRY_AFTER, SET_COOKIE, WWW_AUTHENTICATE,
};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{Either, Full};

use super::error_page;
use super::judge::InspectedResponseBody;
use super::waiting::Page;
use crate::access::{Refused, ServiceAnswer};
use crate::core::loss::Loss;
use crate::http::refusal::{HEAD_TOO_BIG, Parts};
use crate::http::{LOOP, REASON};
use crate::upstream::UpstreamError;

/// The answer to a poll of a suspended app. Streamlit shows it in the tab.
const PAUSED: &str = "This app is paused. Reload to start it.";

const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const NO_REFERRER: HeaderValue = HeaderValue::from_static("no-referrer");

/// How many seconds a request waited for its app to wake; added to the app's answer.
pub(super) const WAKE: HeaderName = HeaderName::from_static("x-ebbtide-wake");

/// A response body: forwarded from the app, or Ebbtide's own.
pub(crate) type Body = Either<InspectedResponseBody, OwnBody>;

/// Ebbtide's own body: whole or streamed.
pub(crate) type OwnBody = Either<Full<Bytes>, UnsyncBoxBody<Bytes, Infallible>>;

/// An answer that Ebbtide makes itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// As configured: `[[app.answer]]`.
    Configured {
        /// 200 to 599.
        status: StatusCode,
        /// The body's type.
        content_type: HeaderValue,
        /// May be empty.
        body: Bytes,
    },
    /// No app for this host and path.
    NoApp,
    /// The request has no usable Host, or a WebSocket handshake has a body.
    BadRequest(&'static str),
    /// The request's head is larger than `limits.header_bytes`, or has more lines than `limits.headers`.
    HeadTooBig,
    /// CONNECT: this is not a forward proxy.
    NoTunnel,
    /// A transfer coding other than chunked.
    UnknownCoding,
    /// The end of the request's body is ambiguous.
    BadFraming(&'static str),
    /// The app refuses connections.
    Unreachable,
    /// The app's certificate is not trusted, or it does not speak TLS.
    Untrusted,
    /// The app broke the connection, or its answer was not HTTP.
    Broken,
    /// The app's answer cannot be passed on.
    Invalid(&'static str),
    /// The app took too long to answer a handshake.
    Slow,
    /// The app did not wake in time.
    WakeSlow,
    /// The app is suspended, and this request does not wake it.
    Paused,
    /// The app is starting, and this request does not wait for it.
    Starting,
    /// The app could not start.
    AppFailed {
        /// Seconds until the next try.
        retry_seconds: u64,
    },
    /// The app may not run.
    Disabled,
    /// `limits.held` is reached.
    HeldFull,
    /// The waiting page, for a person whose app is not running.
    Page(Page),
    /// The app runs: redirects from the waiting page to the app.
    Enter(HeaderValue),
    /// The address is without TLS: redirects to the same URL with `https`.
    Https(HeaderValue),
    /// Unknown path below `.ebbtide/`.
    NotFound,
    /// The app takes nothing of the request's body.
    Stalled,
    /// All seats of the app or of the process are taken.
    Full,
    /// The request has passed this process before.
    Loop,
    /// No new sessions while shutting down.
    Draining,
    /// `allow` does not have the client's address.
    NotAllowed,
    /// No valid name and password, of which the challenge asks for one.
    Unauthorized(HeaderValue),
    /// Too many passwords are being checked.
    AuthBusy,
    /// The authentication service cannot be asked.
    AuthUnreachable,
    /// The authentication service's own answer.
    Auth(Box<ServiceAnswer>),
}

impl Answer {
    /// Status, reason and text.
    fn parts(&self) -> Parts {
        match self {
            Answer::Configured { status, .. } => (*status, "answer", ""),
            Answer::NoApp => (StatusCode::NOT_FOUND, "no-app", "No app for this host and path."),
            Answer::BadRequest(why) | Answer::BadFraming(why) => {
                (StatusCode::BAD_REQUEST, "bad-request", *why)
            }
            Answer::HeadTooBig => HEAD_TOO_BIG,
            Answer::NoTunnel => {
                (StatusCode::METHOD_NOT_ALLOWED, "no-tunnel", "CONNECT is not served here.")
            }
            Answer::UnknownCoding => (
                StatusCode::NOT_IMPLEMENTED,
                "unknown-coding",
                "A body must be chunked or have a length.",
            ),
            Answer::Slow => (
                StatusCode::GATEWAY_TIMEOUT,
                "app-slow",
                "The app took too long to answer. Try again.",
            ),
            Answer::WakeSlow => (
                StatusCode::GATEWAY_TIMEOUT,
                "wake-slow",
                "The app did not start in time. Try again.",
            ),
            Answer::Paused => (StatusCode::SERVICE_UNAVAILABLE, "app-suspended", PAUSED),
            Answer::Starting => (
                StatusCode::SERVICE_UNAVAILABLE,
                "app-starting",
                "The app is starting. Try again in a moment.",
            ),
            Answer::AppFailed { .. } => (
                StatusCode::SERVICE_UNAVAILABLE,
                "app-failed",
                "The app could not start. The log says why.",
            ),
            Answer::Disabled => (
                StatusCode::SERVICE_UNAVAILABLE,
                "app-disabled",
                "The app is disabled at the moment.",
            ),
            Answer::HeldFull => (
                StatusCode::SERVICE_UNAVAILABLE,
                "held-full",
                "Too many requests are waiting for this app to start. Try again in a moment.",
            ),
            Answer::Page(page) => (StatusCode::SERVICE_UNAVAILABLE, page.reason, ""),
            Answer::Enter(_) => (StatusCode::SEE_OTHER, "app-ready", "The app is running."),
            Answer::Https(_) => {
                (StatusCode::PERMANENT_REDIRECT, "https", "This page is served with https only.")
            }
            Answer::NotFound => {
                (StatusCode::NOT_FOUND, "not-found", "Ebbtide has nothing at this path.")
            }
            Answer::Stalled => (
                StatusCode::GATEWAY_TIMEOUT,
                "app-stalled",
                "The app does not read what is sent to it. Try again.",
            ),
            Answer::Unreachable => {
                (StatusCode::BAD_GATEWAY, "app-unreachable", "The app does not accept connections.")
            }
            Answer::Untrusted => (
                StatusCode::BAD_GATEWAY,
                "app-untrusted",
                "No TLS connection to the app can be made. The log says why.",
            ),
            Answer::Broken => (
                StatusCode::BAD_GATEWAY,
                "app-broken",
                "The app closed the connection before it answered.",
            ),
            Answer::Invalid(why) => (StatusCode::BAD_GATEWAY, "app-invalid", *why),
            Answer::Full => (
                StatusCode::SERVICE_UNAVAILABLE,
                "full",
                "All seats are taken. Try again when somebody has left.",
            ),
            Answer::Loop => (
                StatusCode::LOOP_DETECTED,
                LOOP,
                "This request has come back to a proxy that forwarded it before: some app's \
                 upstream leads there.",
            ),
            Answer::Draining => (
                StatusCode::SERVICE_UNAVAILABLE,
                "draining",
                "This proxy is restarting. Try again in a moment.",
            ),
            Answer::NotAllowed => {
                (StatusCode::FORBIDDEN, "not-allowed", "This address may not use this app.")
            }
            Answer::Unauthorized(_) => {
                (StatusCode::UNAUTHORIZED, "unauthorized", "A name and a password are needed.")
            }
            Answer::AuthBusy => (
                StatusCode::SERVICE_UNAVAILABLE,
                "auth-busy",
                "Too many people are signing in. Try again in a moment.",
            ),
            Answer::AuthUnreachable => (
                StatusCode::SERVICE_UNAVAILABLE,
                "auth-unreachable",
                "The service that knows who may use this app does not answer. Try again in a \
                 moment.",
            ),
            Answer::Auth(answer) => (answer.status, "forward-auth", ""),
        }
    }

    /// The answer to a request that may not pass. `app`: its name.
    pub(super) fn refused(refused: Refused, app: &str) -> Answer {
        match refused {
            Refused::Address => Answer::NotAllowed,
            Refused::Password => {
                // RFC 7617 section 2.1. The name of an app has neither quotes nor backslashes.
                let challenge = format!("Basic realm=\"{app}\", charset=\"UTF-8\"");
                let plain = HeaderValue::from_static("Basic realm=\"app\", charset=\"UTF-8\"");
                Answer::Unauthorized(HeaderValue::try_from(challenge).unwrap_or(plain))
            }
            Refused::Busy => Answer::AuthBusy,
            Refused::Answered(answer) => Answer::Auth(answer),
            Refused::Unasked => Answer::AuthUnreachable,
        }
    }

    /// Why Ebbtide answers: a word.
    pub(super) fn reason(&self) -> &'static str {
        self.parts().1
    }

    /// The kind of loss that this answer shows; `None` = none.
    pub(super) fn loss(&self) -> Option<Loss> {
        match self {
            Answer::Unreachable | Answer::Untrusted => Some(Loss::Refused),
            Answer::Broken | Answer::Invalid(_) => Some(Loss::Broken),
            Answer::Slow => Some(Loss::Slow),
            Answer::Stalled => Some(Loss::Stalled),
            _ => None,
        }
    }

    /// Value of `Retry-After`, in seconds.
    fn retry_after(&self) -> Option<u64> {
        match self {
            Answer::Paused => Some(60),
            Answer::Page(page) if page.reason == "full" => Some(10),
            Answer::Full | Answer::Slow | Answer::Stalled | Answer::WakeSlow => Some(10),
            Answer::Starting | Answer::HeldFull | Answer::AuthBusy | Answer::AuthUnreachable => {
                Some(5)
            }
            Answer::AppFailed { retry_seconds } => Some(*retry_seconds),
            Answer::Draining => Some(1),
            _ => None,
        }
    }

    /// The HTTP response. `to_person`: somebody is opening a page.
    pub(super) fn response_to(self, to_person: bool) -> Response<Body> {
        let is_plain = !matches!(
            self,
            Answer::Configured { .. } | Answer::Page(_) | Answer::Auth(_) | Answer::Paused
        );
        let (status, reason, text) = self.parts();
        let mut response = self.response();
        if to_person
            && is_plain
            && let Some(page) = error_page::page(status, reason, text)
        {
            *response.body_mut() = Either::Right(Either::Left(Full::from(page)));
            let headers = response.headers_mut();
            headers.insert(CONTENT_TYPE, HTML);
            // A script that asks for the same URL gets a line of text.
            headers.insert(CACHE_CONTROL, NO_STORE);
            headers.insert(REFERRER_POLICY, NO_REFERRER);
            if let Some(policy) = &*error_page::POLICY {
                headers.insert(CONTENT_SECURITY_POLICY, policy.clone());
            }
        }
        response
    }

    /// The HTTP response to a program.
    pub(crate) fn response(self) -> Response<Body> {
        if let Answer::Auth(answer) = self {
            return passed_on(*answer);
        }
        let (status, reason, text) = self.parts();
        let plain = HeaderValue::from_static("text/plain; charset=utf-8");
        let (body, content_type) = match &self {
            Answer::Configured { body, content_type, .. } => (body.clone(), content_type.clone()),
            Answer::Page(page) => (page.html.clone(), HTML),
            // Streamlit shows the text unchanged, in a box of that width.
            Answer::Paused => (Bytes::from_static(text.as_bytes()), plain),
            _ => (format!("{text}\n").into(), plain),
        };
        let mut response = Response::new(Either::Right(Either::Left(Full::from(body))));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, content_type);
        if matches!(self, Answer::Page(_) | Answer::Enter(_)) {
            headers.insert(CACHE_CONTROL, NO_STORE);
            // A request whose referrer is its own page is taken for automatic; this one is a person's
            // navigation.
            headers.insert(REFERRER_POLICY, NO_REFERRER);
        }
        if let Answer::Page(Page { cookie: Some(cookie), .. }) = &self {
            headers.insert(SET_COOKIE, cookie.clone());
        }
        if let Answer::Unauthorized(challenge) = &self {
            headers.insert(WWW_AUTHENTICATE, challenge.clone());
        }
        if let Answer::Enter(target) | Answer::Https(target) = &self {
            headers.insert(LOCATION, target.clone());
        }
        if matches!(self, Answer::Https(_)) {
            // A browser would remember it even after TLS was turned off again.
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        headers.insert(REASON, HeaderValue::from_static(reason));
        // The bytes that follow may belong to this request.
        if matches!(self, Answer::UnknownCoding | Answer::BadFraming(_)) {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        if let Some(seconds) = self.retry_after() {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// The authentication service's answer as the client sees it.
fn passed_on(answer: ServiceAnswer) -> Response<Body> {
    let ServiceAnswer { status, headers, body } = answer;
    let mut response = Response::new(Either::Right(Either::Left(Full::from(body))));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response.headers_mut().insert(REASON, HeaderValue::from_static("forward-auth"));
    response
}

impl From<&UpstreamError> for Answer {
    fn from(error: &UpstreamError) -> Answer {
        match error {
            UpstreamError::Refused(_) => Answer::Unreachable,
            UpstreamError::Handshake { .. } | UpstreamError::NoTls(_) => Answer::Untrusted,
            UpstreamError::Stalled(_) => Answer::Stalled,
            UpstreamError::TooBig(_) => Answer::Invalid(
                "The app's answer has more header lines or bytes than this proxy accepts.",
            ),
            // The client's body broke off.
            UpstreamError::Broken(error) if error.is_user() => {
                Answer::BadRequest("The rest of the request cannot be read.")
            }
            UpstreamError::Broken(_) => Answer::Broken,
        }
    }
}
