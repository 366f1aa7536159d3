//! Forwards plain requests to the app and its answers to the client; bodies are streamed.

use bytes::Bytes;
use http::header::HOST;
use http::{HeaderValue, Request, Response, StatusCode, Version};
use http_body_util::{Either, Empty};
use hyper::body::{Body as _, Incoming};
use hyper::ext::on_informational;

use super::answer::{Answer, Body};
use super::judge::{
    InspectedRequestBody, InspectedResponseBody, JudgedHead, JudgedRequest, RequestContext,
};
use super::request_line::RequestLine;
use super::service::Routed;
use super::{Proxy, lobby, record, rewrite};
use crate::clock;
use crate::config::Upstream;
use crate::core::framing::{Coding, coding, settle_length};
use crate::core::headers::strip_answer;
use crate::error::chain;
use crate::http::timed::{Interim, Upload};
use crate::http::{LOOP, REASON};
use crate::session::{App, AppPolicy};
use crate::upstream::{Pool, UpstreamError};

/// The body of a forwarded request: the client's body, streamed, or none.
pub(super) type Outgoing = Either<InspectedRequestBody, Empty<Bytes>>;

/// Forwards one request.
pub(super) async fn forward(
    (proxy, pool): (&Proxy, &Pool<Outgoing>),
    routed: Routed,
    context: &RequestContext,
    judged: JudgedRequest,
    line: &mut RequestLine,
) -> Result<Response<Body>, Answer> {
    let Routed { app, policy, mut request, .. } = routed;
    let interim = request.body().interim();
    let mut upstream = app.upstream().ok_or(Answer::Unreachable)?;
    let headers = proxy.serving.config().limits.headers;
    let connect = |upstream: Upstream| async move { pool.connection(&upstream, headers).await };
    let mut ready = connect(upstream.clone()).await.map_err(|error| failed(&app, &error))?;
    // An app that is not there is not used.
    record::request(context, &proxy.visits, &judged, clock::coarse());
    if !app.life.runs() {
        // The app's suspension began in the meantime.
        lobby::enter(proxy, context, &JudgedHead::Request(judged), &mut request, line).await?;
        upstream = app.upstream().ok_or(Answer::Unreachable)?;
        ready = connect(upstream.clone()).await.map_err(|error| failed(&app, &error))?;
    }
    *request.uri_mut() = rewrite::target(&policy, &upstream, request.uri().path_and_query())?;
    *request.version_mut() = Version::HTTP_11;
    // HTTP/1.0 clients may leave out Host.
    if !request.headers().contains_key(HOST)
        && let Ok(host) = HeaderValue::from_str(upstream.authority().as_str())
    {
        request.headers_mut().insert(HOST, host);
    }
    rewrite::request(&policy, request.headers_mut());
    pass_interim(&mut request, interim);
    let again = repeatable(&request);
    let (parts, body) = request.into_parts();
    let (body, unread) = InspectedRequestBody::new(body, context, judged);
    let request = Request::from_parts(parts, Either::Left(body));
    let mut answered = pool.ask(&upstream, ready, request, headers).await;
    if let Some(again) = again {
        let crossed = match &answered {
            Err(UpstreamError::Broken(error)) => Some(chain(error)),
            // RFC 9110 section 15.5.9.
            Ok(answered) if answered.gave_up => {
                Some("the app gave up an idle connection".to_owned())
            }
            _ => None,
        };
        if let Some(why) = crossed {
            tracing::debug!(app = app.name, why, "asking again");
            answered = Box::pin(pool.ask_anew(&upstream, again, headers)).await;
        }
    }
    match answered.map(|answered| answered.response) {
        // RFC 9110 section 15.2.2: the request did not ask to switch, so what follows is not HTTP.
        Ok(response) if response.status() == StatusCode::SWITCHING_PROTOCOLS => {
            tracing::warn!(app = app.name, "app switched protocols without being asked to");
            Err(Answer::Broken)
        }
        Ok(response) => relay(&app, &policy, response, Some(context)),
        Err(error) => {
            // The request has reached the app, so it is recorded whatever the outcome.
            if let Some(unread) = unread {
                unread.judge().await;
            }
            Err(failed(&app, &error))
        }
    }
}

fn failed(app: &App, error: &UpstreamError) -> Answer {
    tracing::info!(app = app.name, error = %chain(error), "request failed");
    error.into()
}

/// Has interim answers to this request forwarded.
pub(super) fn pass_interim<B>(request: &mut Request<B>, interim: Option<Interim>) {
    if let Some(interim) = interim {
        on_informational(request, move |answer| interim.pass(answer.status(), answer.headers()));
    }
}

/// A copy of the request, if its method is safe (RFC 9110 section 9.2.1) so that it may be sent twice: an
/// app may close an idle connection just as we reuse it.
fn repeatable(request: &Request<Upload>) -> Option<Request<Outgoing>> {
    if !request.method().is_safe() || !request.body().is_end_stream() {
        return None;
    }
    let mut again = Request::new(Either::Right(Empty::new()));
    *again.method_mut() = request.method().clone();
    *again.uri_mut() = request.uri().clone();
    *again.version_mut() = request.version();
    *again.headers_mut() = request.headers().clone();
    *again.extensions_mut() = request.extensions().clone();
    Some(again)
}

/// The app's response as the client sees it. `context`: the request that it answers.
pub(super) fn relay(
    app: &App,
    policy: &AppPolicy,
    mut response: Response<Incoming>,
    context: Option<&RequestContext>,
) -> Result<Response<Body>, Answer> {
    let status = response.status();
    let is_loop = status == StatusCode::LOOP_DETECTED
        && response.headers().get(REASON).is_some_and(|reason| reason == LOOP);
    let headers = response.headers_mut();
    if coding(headers) != Coding::Understood {
        tracing::info!(app = app.name, "app answered with a transfer coding that is not forwarded");
        return Err(Answer::Invalid(
            "The app's answer has a transfer coding other than chunked, or chunked twice.",
        ));
    }
    strip_answer(status, headers);
    settle_length(headers);
    // In a loop the innermost answer has the reason; the outer ones forward it.
    if !is_loop {
        headers.remove(REASON);
    }
    rewrite::response(policy, headers);
    let (mut parts, body) = response.into_parts();
    // The version is this hop's own (RFC 9110 section 2.5).
    parts.version = Version::HTTP_11;
    let body = match context {
        Some(context) => InspectedResponseBody::new(body, context, &parts.headers),
        None => InspectedResponseBody::plain(body),
    };
    Ok(Response::from_parts(parts, Either::Left(body)))
}
