//! One request, phase after phase: route, own answers, judge, polls of an app that is not running, access,
//! lifecycle, and then forward or upgrade, which record what it counts as.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use http::header::{CONNECTION, SET_COOKIE};
use http::{HeaderValue, Request, Response, StatusCode};

use super::answer::{Answer, Body, WAKE};
use super::judge::{JudgedHead, RequestContext, opens_page};
use super::request_line::{self, LoggedBody, RequestLine};
use super::route::{address, route};
use super::worker::Here;
use super::{Proxy, forward, lobby, own, seats, upgrade, waiting};
use crate::access::{Granted, Refused, Visitor};
use crate::clock;
use crate::core::headers::{Peer, asks_websocket};
use crate::http::Refusal;
use crate::http::timed::Upload;
use crate::serving::Phase;
use crate::session::{App, AppPolicy, Lost};

/// A request whose app is known, with the headers that the app will see.
pub(super) struct Routed {
    pub(super) app: Arc<App>,
    /// The app's settings for the duration of the request.
    pub(super) policy: Arc<AppPolicy>,
    pub(super) request: Request<Upload>,
    pub(super) peer: SocketAddr,
    /// The client's address: not that of a trusted proxy before it. `None` = unknown.
    pub(super) address: Option<IpAddr>,
}

/// A client connection: where it comes from, and what serves it.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) proxy: Arc<Proxy>,
    here: Here,
    pub(super) addr: SocketAddr,
    pub(super) peer: Peer,
    /// `http` or `https`.
    pub(super) scheme: &'static str,
}

impl Client {
    pub(super) fn new(
        proxy: Arc<Proxy>,
        here: Here,
        addr: SocketAddr,
        scheme: &'static str,
    ) -> Client {
        Client { proxy, here, addr, peer: Peer::new(addr.ip().to_canonical()), scheme }
    }

    /// Notes a refusal by hyper, before there was a request.
    pub(super) fn note_refusal(&self, refusal: Refusal) {
        self.proxy.metrics.refusal(refusal.status);
        request_line::refused(&self.proxy, self.addr, refusal);
    }
}

/// Answers one request.
pub(super) async fn handle(client: Arc<Client>, request: Request<Upload>) -> Response<LoggedBody> {
    let Client { proxy, here, .. } = &*client;
    let start = clock::now();
    let address = || address(&client, request.headers());
    let mut line = RequestLine::new(proxy, &request, address, start);
    let websocket = asks_websocket(request.method(), request.version(), request.headers());
    let to_person = opens_page(&request);
    let (app, mut response) = match route(&client, request) {
        Err(answer) => (None, answer.response_to(to_person)),
        Ok(routed) => {
            let app = Arc::clone(&routed.app);
            line.found(&app);
            let response = match own::answer(&routed) {
                Some(answer) => answer.response_to(to_person),
                None => enter((proxy, here), routed, websocket, &mut line).await,
            };
            (Some(app), response)
        }
    };
    if proxy.serving.phase() != Phase::Running
        && response.status() != StatusCode::SWITCHING_PROTOCOLS
    {
        response.headers_mut().append(CONNECTION, HeaderValue::from_static("close"));
    }
    let name = app.as_ref().map_or("", |app| &app.name);
    proxy.metrics.request(name, response.status(), clock::elapsed(start));
    line.answered(response)
}

/// The phases of a request before it is the app's business: judge, polls of an app that is not running, access,
/// Ebbtide's own paths. None of them has an effect on the app, and any of them may answer in its place.
async fn enter(
    (proxy, here): (&Arc<Proxy>, &Here),
    mut routed: Routed,
    websocket: bool,
    line: &mut RequestLine,
) -> Response<Body> {
    let Routed { app, policy, request, peer, .. } = &mut routed;
    let mut context = RequestContext::new(&proxy.visits, (&*app, &*policy), peer.ip(), request);
    let judged = context.head_of(websocket, &proxy.visits, clock::coarse());
    let is_ours = waiting::is_ours(policy, request.uri().path());
    if !is_ours
        && let Err(answer) = lobby::refuse_poll(proxy, &context, &judged, request, line).await
    {
        return answer.response_to(context.opens_page());
    }
    let Granted { cookies } = match access(proxy, &mut routed).await {
        Ok(granted) => granted,
        Err(refused) => {
            let answer = Answer::refused(refused, &routed.app.name);
            proxy.metrics.refused(&routed.app.name, answer.reason());
            return answer.response_to(context.opens_page());
        }
    };
    let own = if is_ours { waiting::answer(proxy, &routed) } else { None };
    let mut response = match own {
        Some(response) => response,
        None => {
            let app = Arc::clone(&routed.app);
            let to_person = context.opens_page();
            let result = pass((proxy, here), routed, (context, judged), line).await;
            note(&app, &result);
            result.unwrap_or_else(|answer| answer.response_to(to_person))
        }
    };
    for cookie in cookies {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

/// Whether the request may pass.
async fn access(proxy: &Proxy, routed: &mut Routed) -> Result<Granted, Refused> {
    let config = &routed.policy.config.access;
    if config.is_open() {
        return Ok(Granted::default());
    }
    let (method, uri) = (routed.request.method().clone(), routed.request.uri().clone());
    let headers = routed.request.headers_mut();
    let visitor = Visitor { address: routed.address, method: &method, uri: &uri, headers };
    // Boxed, because otherwise every request would reserve room for it.
    Box::pin(proxy.access.check(config, visitor)).await
}

/// The phases of a request that may pass: lifecycle, and then forward or upgrade, which record what it counts
/// as. Any of them may answer in the app's place.
async fn pass(
    (proxy, here): (&Arc<Proxy>, &Here),
    mut routed: Routed,
    (context, judged): (RequestContext, JudgedHead),
    line: &mut RequestLine,
) -> Result<Response<Body>, Answer> {
    let websocket = matches!(judged, JudgedHead::Handshake(_));
    if websocket {
        upgrade::check(proxy, &routed.request)?;
    }
    let request = &mut routed.request;
    let waited = lobby::enter(proxy, &context, &judged, request, line).await?;
    if !websocket {
        seats::enter(&context, request.headers())?;
    }
    let mut response = match judged {
        // Boxed, because otherwise every plain request would reserve room for it.
        JudgedHead::Handshake(judged) => {
            Box::pin(upgrade::upgrade(proxy, &here.pumps, routed, &context, judged)).await?
        }
        JudgedHead::Request(judged) => {
            forward::forward((proxy, &here.pool), routed, &context, judged, line).await?
        }
    };
    if let Some(waited) = waited
        && let Ok(seconds) = HeaderValue::from_str(&format!("{:.3}", waited.as_secs_f64()))
    {
        response.headers_mut().insert(WAKE, seconds);
    }
    Ok(response)
}

/// Notes whether the app answered; an app that was not asked is not noted.
fn note(app: &App, result: &Result<Response<Body>, Answer>) {
    match result.as_ref().map_err(Answer::loss) {
        Ok(_) => app.losses.answered(),
        Err(Some(loss)) => app.lost(Lost { loss, at: clock::now(), session: None }),
        Err(None) => {}
    }
}
