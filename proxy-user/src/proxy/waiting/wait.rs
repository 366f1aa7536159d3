//! `.ebbtide/wait`: the state of an app, for its waiting pages. Requests neither count nor wake the app.

use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{Either, Full, StreamBody};

use super::progress::{Progress, events};
use super::{app_path, page};
use crate::clock;
use crate::core::return_to;
use crate::http::REASON;
use crate::proxy::Proxy;
use crate::proxy::answer::{Answer, Body, OwnBody};
use crate::proxy::service::Routed;

/// The answer to a request below `.ebbtide/`; `None` for any other path.
pub(in crate::proxy) fn answer(proxy: &Proxy, routed: &Routed) -> Option<Response<Body>> {
    let Routed { app, policy, request, .. } = routed;
    let below = request.uri().path().strip_prefix(app_path(policy))?;
    if below.strip_prefix("/.ebbtide/")? != "wait" {
        return Some(Answer::NotFound.response());
    }
    let accept = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok());
    let accepts = |media| accept.is_some_and(|accept| accept.contains(media));
    if accepts("text/event-stream") {
        let Some(place) = app.listeners.take() else { return Some(Answer::HeldFull.response()) };
        let events = events(app.life.watch(), proxy.serving.phase.subscribe(), place);
        let body = UnsyncBoxBody::new(StreamBody::new(events));
        return Some(progress("text/event-stream", Either::Right(body)));
    }
    let status = app.life.status();
    let now = Progress::of(&status, clock::now());
    if accepts("application/json") {
        return Some(progress("application/json", Either::Left(Full::from(now.json()))));
    }
    let query = request.uri().query().unwrap_or_default();
    let parameter = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name));
    let target = parameter("to=").and_then(|to| return_to::decode(to, &policy.config.path));
    let target = target.unwrap_or_else(|| policy.config.path.clone());
    let answer = match now.state {
        "running" => Answer::Enter(HeaderValue::from_bytes(target.as_bytes()).ok()?),
        _ => {
            let looks = parameter("n=").and_then(|looks| looks.parse().ok()).unwrap_or(0);
            Answer::Page(page(app, policy, (&target, looks), &status))
        }
    };
    Some(answer.response())
}

fn progress(content_type: &'static str, body: OwnBody) -> Response<Body> {
    let mut response = Response::new(Either::Right(body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(REASON, HeaderValue::from_static("progress"));
    response
}
