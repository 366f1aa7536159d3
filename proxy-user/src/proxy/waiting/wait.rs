//! `.ebbtide/wait`: the state of an app, for its waiting pages. Requests to it neither count as activity nor
//! wake the app.

use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{Either, Full, StreamBody};

use super::listener::Listener;
use super::progress::Progress;
use super::{app_path, page, page_for_seat};
use crate::clock;
use crate::core::return_to;
use crate::http::REASON;
use crate::proxy::Proxy;
use crate::proxy::answer::{Answer, Body, OwnBody};
use crate::proxy::judge::client;
use crate::proxy::seats;
use crate::proxy::service::Routed;
use crate::session::AppPolicy;

/// What follows `.ebbtide/` in the path of a request; `None` for any other path.
fn below<'a>(policy: &AppPolicy, path: &'a str) -> Option<&'a str> {
    path.strip_prefix(app_path(policy))?.strip_prefix("/.ebbtide/")
}

/// Whether [`answer`] answers requests for this path.
pub(in crate::proxy) fn is_ours(policy: &AppPolicy, path: &str) -> bool {
    below(policy, path).is_some()
}

/// The answer to a request below `.ebbtide/`; `None` for any other path.
pub(in crate::proxy) fn answer(proxy: &Proxy, routed: &Routed) -> Option<Response<Body>> {
    let Routed { app, policy, request, .. } = routed;
    if below(policy, request.uri().path())? != "wait" {
        return Some(Answer::NotFound.response());
    }
    let accept = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok());
    let accepts = |media| accept.is_some_and(|accept| accept.contains(media));
    let client = client(routed.peer.ip(), request.headers());
    let browser = seats::browser(request.headers(), client);
    if accepts("text/event-stream") {
        let Some(place) = app.listeners.take() else { return Some(Answer::HeldFull.response()) };
        let holder = request.body().holder();
        let listener = Listener::new(app, &proxy.serving, browser, place, holder);
        let body = UnsyncBoxBody::new(StreamBody::new(listener.events()));
        return Some(progress("text/event-stream", Either::Right(body)));
    }
    let status = app.life.status();
    let mut now = Progress::of(&status, &policy.config, clock::now());
    if now.is_ready() {
        let ahead = match seats::waits(request.method(), request.headers()) {
            true => app.seats.ask(browser, clock::now()),
            false => app.seats.look(browser, clock::now()),
        };
        now = ahead.map_or(now, |ahead| Progress::full(ahead, 0));
    }
    if accepts("application/json") {
        return Some(progress("application/json", Either::Left(Full::from(now.json()))));
    }
    let query = request.uri().query().unwrap_or_default();
    let parameter = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name));
    let target = parameter("to=").and_then(|to| return_to::decode(to, &policy.config.path));
    let target = target.unwrap_or_else(|| policy.config.path.clone());
    let looks = parameter("n=").and_then(|looks| looks.parse().ok()).unwrap_or(0);
    let answer = match now.ahead {
        _ if now.is_ready() => Answer::Enter(HeaderValue::from_bytes(target.as_bytes()).ok()?),
        Some(ahead) => {
            Answer::Page(page_for_seat(app, policy, (&target, looks), ahead, request.headers()))
        }
        None => Answer::Page(page(app, policy, (&target, looks), &status, request.headers())),
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
