//! The lifecycle's phase of a request: on to an app that runs; else it waits for it, or is answered here.
//!
//! `core::arrival` decides. Nobody is held without a bound: there are so many places (`limits.held`), each
//! for so long (`wake_timeout`), and whoever leaves gives theirs back.

use std::time::Duration;

use http::Request;
use http::header::{ACCEPT, HOST, HeaderMap, ORIGIN};
use http::uri::PathAndQuery;
use tokio::time::timeout;

use super::answer::Answer;
use super::judge::{JudgedHead, RequestContext};
use super::{Proxy, record, waiting};
use crate::clock;
use crate::config::Wake;
use crate::core::arrival::{Arrival, Meeting, WakePolicy, knock, meet};
use crate::core::lifecycle::{State, Step};
use crate::core::navigation::Navigation;
use crate::core::pack::Judgement;
use crate::http::timed::Upload;
use crate::serving::Phase;

/// How long the start of a body may take that tells whether it is a poll's.
const BODY: Duration = Duration::from_secs(10);

/// Has a request wait for its app if it must. Gives how long that took, where it was for a wake.
///
/// # Errors
/// What it is answered in place of the app.
pub(super) async fn enter(
    proxy: &Proxy,
    context: &RequestContext,
    judged: &JudgedHead,
    request: &mut Request<Upload>,
) -> Result<Option<Duration>, Answer> {
    if context.app.life.runs() {
        return Ok(None);
    }
    // On the heap, as most requests find their app running.
    Box::pin(face(proxy, context, judged, request)).await
}

async fn face(
    proxy: &Proxy,
    context: &RequestContext,
    judged: &JudgedHead,
    request: &mut Request<Upload>,
) -> Result<Option<Duration>, Answer> {
    let (app, policy) = (&context.app, &context.policy.config);
    let judgement = judgement(context, judged, request.body_mut()).await;
    let arrival = arrival(proxy, context, judgement, request.headers());
    let now = clock::now();
    let state = app.life.status().state;
    if let Some(event) = knock(state, arrival) {
        let runs = meet(state, arrival, wake_policy(policy.wake)) == Meeting::Pass;
        if !runs && proxy.serving.phase() != Phase::Running {
            // Nobody would be here to let it in. The process that comes next may be asked again.
            return Err(Answer::Draining);
        }
        app.drive(event, now);
    }
    let status = app.life.status();
    match meet(status.state, arrival, wake_policy(policy.wake)) {
        Meeting::Pass => Ok(None),
        Meeting::Wait => wait(proxy, context, request).await.map(Some),
        Meeting::Page => {
            let target = context.uri.path_and_query().map_or("/", PathAndQuery::as_str);
            Err(Answer::Page(waiting::page(app, &context.policy, (target, 0), &status)))
        }
        Meeting::Paused => {
            record::poll(context, judgement);
            Err(Answer::Paused)
        }
        Meeting::Starting => Err(Answer::Starting),
        Meeting::Failed { until } => Err(failed(until.since(now))),
        Meeting::Disabled => Err(Answer::Disabled),
    }
}

/// What a request counts for, as far as it must be known before its app is woken.
async fn judgement(
    context: &RequestContext,
    judged: &JudgedHead,
    body: &mut Upload,
) -> Option<Judgement> {
    match judged {
        JudgedHead::Handshake(judgement) => Some(*judgement),
        JudgedHead::Request(judged) if judged.judgement.is_none() && !body.is_held_back() => {
            let peeked = timeout(BODY, body.peek(judged.body)).await.ok()?;
            let (start, whole) = peeked.ok()?;
            Some(context.body(&start, whole))
        }
        JudgedHead::Request(judged) => judged.judgement,
    }
}

/// Who asks an app that does not run. A connection that a page opens (a WebSocket, an event source) is one
/// that it opens again: before its first one somebody has come to the page, and has woken the app.
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

/// Whether one of the app's own pages opens a connection that stays. Pages of other origins come to the
/// app by that alone.
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

/// Waits until the app runs, or it is known that it will not. How long that took.
async fn wait(
    proxy: &Proxy,
    context: &RequestContext,
    request: &Request<Upload>,
) -> Result<Duration, Answer> {
    let app = &context.app;
    let since = clock::now();
    let _place = app.lobby.take().zip(proxy.serving.lobby.take()).ok_or(Answer::HeldFull)?;
    // What comes of it is for somebody who is still there.
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
        State::Running | State::Suspending(Step::Probing | Step::Closing { .. }) => {
            Ok(clock::elapsed(since))
        }
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
