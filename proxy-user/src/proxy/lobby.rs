//! The lifecycle phase of a request: continue if the app runs, otherwise wait for it or answer here.
//!
//! `core::arrival` decides. Waiting is bounded in number (`limits.held`) and in time (`wake_timeout`), and
//! a client that leaves frees its place.

use std::time::Duration;

use http::Request;
use http::header::{ACCEPT, HOST, HeaderMap, ORIGIN};
use http::uri::PathAndQuery;
use tokio::time::timeout;

use super::answer::Answer;
use super::judge::{JudgedHead, RequestContext};
use super::request_line::RequestLine;
use super::{Proxy, record, waiting};
use crate::clock;
use crate::config::Wake;
use crate::core::arrival::{Arrival, Meeting, WakePolicy, knock, meet};
use crate::core::lifecycle::{State, Step};
use crate::core::navigation::Navigation;
use crate::core::pack::Judgement;
use crate::http::timed::Upload;
use crate::serving::Phase;

/// How long to wait for the start of a body that shows whether the request is a poll.
const BODY: Duration = Duration::from_secs(10);

/// Refuses a poll of a suspended app: it needs nobody's leave, because all who ask get the same.
///
/// # Errors
/// The answer to send in place of the app's.
pub(super) async fn refuse_poll(
    proxy: &Proxy,
    context: &RequestContext,
    judged: &JudgedHead,
    request: &mut Request<Upload>,
    line: &mut RequestLine,
) -> Result<(), Answer> {
    if context.app.life.runs() {
        return Ok(());
    }
    // Boxed, because most requests find their app running.
    let judgement = Box::pin(judgement(context, judged, request.body_mut())).await;
    let arrival = arrival(proxy, context, judgement, request.headers());
    let policy = wake_policy(context.policy.config.wake);
    if arrival == Arrival::Poll
        && meet(context.app.life.status().state, arrival, policy) == Meeting::Paused
    {
        record::poll(context, judgement);
        line.omit();
        return Err(Answer::Paused);
    }
    Ok(())
}

/// Makes a request wait for its app if necessary. Returns how long it waited for a wake, if it did.
///
/// # Errors
/// The answer to send in place of the app's.
pub(super) async fn enter(
    proxy: &Proxy,
    context: &RequestContext,
    judged: &JudgedHead,
    request: &mut Request<Upload>,
    line: &mut RequestLine,
) -> Result<Option<Duration>, Answer> {
    if context.app.life.runs() {
        return Ok(None);
    }
    // Boxed, because most requests find their app running.
    Box::pin(face(proxy, context, judged, request, line)).await
}

async fn face(
    proxy: &Proxy,
    context: &RequestContext,
    judged: &JudgedHead,
    request: &mut Request<Upload>,
    line: &mut RequestLine,
) -> Result<Option<Duration>, Answer> {
    let (app, policy) = (&context.app, &context.policy.config);
    let judgement = judgement(context, judged, request.body_mut()).await;
    let arrival = arrival(proxy, context, judgement, request.headers());
    let now = clock::now();
    let state = app.life.status().state;
    if let Some(event) = knock(state, arrival) {
        let runs = meet(state, arrival, wake_policy(policy.wake)) == Meeting::Pass;
        if !runs && proxy.serving.phase() != Phase::Running {
            // This process would be gone before the app is ready. The client can ask the next process.
            return Err(Answer::Draining);
        }
        app.drive(event, now);
    }
    let status = app.life.status();
    match meet(status.state, arrival, wake_policy(policy.wake)) {
        Meeting::Pass => Ok(None),
        Meeting::Wait => {
            let since = clock::now();
            line.waits(since);
            let result = wait(proxy, context, request).await;
            let waited = clock::elapsed(since);
            line.waited(waited);
            result.map(|()| Some(waited))
        }
        Meeting::Page => {
            let target = context.uri.path_and_query().map_or("/", PathAndQuery::as_str);
            Err(Answer::Page(waiting::page(
                app,
                &context.policy,
                (target, 0),
                &status,
                request.headers(),
            )))
        }
        Meeting::Paused => {
            record::poll(context, judgement);
            line.omit();
            Err(Answer::Paused)
        }
        Meeting::Starting => Err(Answer::Starting),
        Meeting::Failed { until } => Err(failed(until.since(now))),
        Meeting::Disabled => Err(Answer::Disabled),
    }
}

/// Judges a request as far as necessary before its app is woken.
async fn judgement(
    context: &RequestContext,
    judged: &JudgedHead,
    body: &mut Upload,
) -> Option<Judgement> {
    match judged {
        JudgedHead::Handshake(judged) => Some(judged.judgement),
        JudgedHead::Request(judged) if judged.judgement.is_none() && !body.is_held_back() => {
            let peeked = timeout(BODY, body.peek(judged.body)).await.ok()?;
            let (start, whole) = peeked.ok()?;
            Some(context.body(&start, whole))
        }
        JudgedHead::Request(judged) => judged.judgement,
    }
}

/// Classifies a request to an app that is not running. A connection that a page opens (a WebSocket, an
/// event source) must be a reconnect: before its first one, somebody has opened the page and so woken the
/// app.
fn arrival(
    proxy: &Proxy,
    context: &RequestContext,
    judgement: Option<Judgement>,
    headers: &HeaderMap,
) -> Arrival {
    if matches!(judgement, Some(Judgement::Ignored(_))) {
        return Arrival::Poll;
    }
    match context.navigation {
        Navigation::Visit => Arrival::Person,
        Navigation::Reload => {
            match proxy.visits.reloads_unattended(context.client, clock::coarse()) {
                true => Arrival::Poll,
                false => Arrival::Person,
            }
        }
        Navigation::Part | Navigation::Other if is_reconnect(headers) => Arrival::Poll,
        Navigation::Part | Navigation::Other => Arrival::Other,
    }
}

/// Whether one of the app's own pages opens a lasting connection. A page of another origin may be visiting
/// the app with this very connection.
fn is_reconnect(headers: &HeaderMap) -> bool {
    let field = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let is_events = field(ACCEPT.as_str()).is_some_and(|accept| accept == "text/event-stream");
    let is_socket = field("sec-websocket-key").is_some();
    let from_here = match (field("sec-fetch-site"), field(ORIGIN.as_str()), field(HOST.as_str())) {
        (Some(site), _, _) => site == "same-origin",
        (None, Some(origin), Some(host)) => {
            origin.split_once("://").is_some_and(|(_, authority)| authority == host)
        }
        (None, _, _) => false,
    };
    (is_events || is_socket) && from_here
}

/// Waits until the app runs, or is known not to.
async fn wait(
    proxy: &Proxy,
    context: &RequestContext,
    request: &Request<Upload>,
) -> Result<(), Answer> {
    let app = &context.app;
    let _place = app.lobby.take().zip(proxy.serving.lobby.take()).ok_or(Answer::HeldFull)?;
    // Frees the place if the client leaves.
    let _held = request.body().hold();
    let mut status = app.life.watch();
    let is_known = |state| {
        !matches!(state, State::Starting | State::Suspending(Step::Stopping { wanted: true, .. }))
    };
    let settled = status.wait_for(|status| is_known(status.state));
    let settled = timeout(context.policy.config.wake_timeout, settled);
    let mut phase = proxy.serving.phase.subscribe();
    let leaving = phase.wait_for(|phase| *phase != Phase::Running);
    let state = tokio::select! {
        _ = leaving => return Err(Answer::Draining),
        settled = settled => match settled {
            Ok(Ok(status)) => status.state,
            Ok(Err(_)) => return Err(Answer::Draining),
            Err(_) => return Err(Answer::WakeSlow),
        },
    };
    match state {
        State::Running | State::Suspending(Step::Probing { .. } | Step::Closing { .. }) => Ok(()),
        State::Failed { until, .. } => Err(failed(until.since(clock::now()))),
        State::Disabled => Err(Answer::Disabled),
        State::Starting | State::Suspended | State::Suspending(_) => Err(Answer::Paused),
    }
}

fn failed(pause: Duration) -> Answer {
    Answer::AppFailed { retry_seconds: pause.as_secs().saturating_add(1) }
}

fn wake_policy(wake: Wake) -> WakePolicy {
    match wake {
        Wake::Auto => WakePolicy::Auto,
        Wake::Hold => WakePolicy::Hold,
        Wake::Page => WakePolicy::Page,
    }
}
