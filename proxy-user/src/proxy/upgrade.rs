//! WebSocket handshakes (RFC 6455 section 4): forwarded to the app on a connection of their own. A 101
//! creates a session; any other answer is relayed.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;
use std::sync::Arc;

use http::header::{SEC_WEBSOCKET_EXTENSIONS, TE};
use http::{Request, Response, StatusCode, Version};
use http_body_util::{Either, Empty, Full};
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::upgrade::{OnUpgrade, Upgraded};
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::answer::{Answer, Body};
use super::forward::{pass_interim, relay};
use super::judge::{JudgedHandshake, RequestContext};
use super::service::Routed;
use super::{Proxy, record, request_line, rewrite, seats};
use crate::clock;
use crate::config::{Compression, Upstream};
use crate::core::access_log::{self, Traffic};
use crate::core::ending::Cause;
use crate::core::extension::{self, Extensions};
use crate::core::headers::{ask_websocket, names_websocket, strip_hop_by_hop};
use crate::core::history::Path;
use crate::core::loss::Loss;
use crate::core::pack::Connection;
use crate::core::side::{PerSide, Side};
use crate::error::chain;
use crate::events::EventKind;
use crate::http::REASON;
use crate::http::stream::BareSocket;
use crate::http::timed::{Timed, Upload};
use crate::pump::{Counting, End, Inspection, Limits, Pumps, SessionHost};
use crate::serving::Phase;
use crate::session::{App, AppPolicy, AppSeat, Counts, Leg, Lost, Registry, Seat, Session};
use crate::upstream::{self, UpstreamConnection, UpstreamError};

/// Checks whether a handshake is allowed.
///
/// # Errors
/// No new sessions are accepted, or the request has a body.
pub(super) fn check(proxy: &Proxy, request: &Request<Upload>) -> Result<(), Answer> {
    if proxy.serving.phase() != Phase::Running {
        return Err(Answer::Draining);
    }
    if !request.body().is_end_stream() {
        return Err(Answer::BadRequest("A WebSocket handshake has no body."));
    }
    Ok(())
}

/// Forwards a handshake to the app and starts the session.
pub(super) async fn upgrade(
    proxy: &Arc<Proxy>,
    pumps: &Pumps,
    routed: Routed,
    context: &RequestContext,
    judged: Box<JudgedHandshake>,
) -> Result<Response<Body>, Answer> {
    let Routed { app, policy, mut request, peer, address } = routed;
    let browser = seats::browser(request.headers(), context.client);
    let seats = app.seats.take(browser, clock::now()).zip(proxy.serving.seats.take());
    let seats = Box::new(seats.ok_or(Answer::Full)?);
    let client = hyper::upgrade::on(&mut request);
    let (mut response, connection) = ask(proxy, (&app, &policy), &request).await?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        if let Some(mut connection) = connection {
            // The rest of the answer.
            tokio::spawn(async move { connection.finish().await });
        }
        return relay(&app, &policy, response, None);
    }
    let connection = connection.ok_or(Answer::Broken)?;
    if !names_websocket(response.headers()) {
        tracing::warn!(app = app.name, "app switched to a protocol that was not asked for");
        return Err(Answer::Broken);
    }
    let extensions = extension::negotiated(response.headers());
    let max_frame = proxy.serving.config().limits.frame_bytes.unwrap_or(u64::MAX);
    let limits = Limits { rsv: extensions.rsv, max_frame };
    let now = clock::coarse();
    let judged = context.accepted(&proxy.visits, *judged, response.headers(), now);
    record::handshake(context, &proxy.visits, &judged, now);
    let counting = counting(context, judged.connection, extensions);
    proxy.pumps.spawn(start(
        (Arc::clone(proxy), pumps.clone()),
        (app, Path::shown(context.uri.path())),
        seats,
        (client, peer, address),
        connection,
        (limits, counting),
    ));
    *response.version_mut() = Version::HTTP_11;
    let headers = response.headers_mut();
    strip_hop_by_hop(headers);
    headers.remove(REASON);
    rewrite::response(&policy, headers);
    ask_websocket(headers);
    Ok(response.map(|_| Either::Right(Either::Left(Full::default()))))
}

/// What counts as activity in this session.
fn counting(context: &RequestContext, connection: Connection, extensions: Extensions) -> Counting {
    let policy = &context.policy;
    let counts_output = policy.counts_output(connection.counts_output);
    let followed = policy.config.compression == Compression::Inspect;
    let extensions = if followed { extensions } else { Extensions::default() };
    let path = context.uri.path();
    let inspection = Inspection::new(policy, path, connection, counts_output, extensions);
    Counting { counts_output, inspection }
}

/// The handshake as the app sees it.
fn handshake(
    policy: &AppPolicy,
    upstream: &Upstream,
    request: &Request<Upload>,
) -> Result<Request<Empty<Bytes>>, Answer> {
    let mut passed = Request::new(Empty::new());
    // The spelling of field names.
    passed.extensions_mut().clone_from(request.extensions());
    pass_interim(&mut passed, request.body().interim());
    *passed.uri_mut() = rewrite::target(policy, upstream, request.uri().path_and_query())?;
    *passed.version_mut() = Version::HTTP_11;
    let headers = passed.headers_mut();
    headers.clone_from(request.headers());
    headers.remove(TE);
    ask_websocket(headers);
    if policy.config.compression == Compression::Strip {
        headers.remove(SEC_WEBSOCKET_EXTENSIONS);
    }
    rewrite::request(policy, headers);
    Ok(passed)
}

/// The app's answer, and the connection that it came on.
async fn ask(
    proxy: &Proxy,
    (app, policy): (&App, &AppPolicy),
    request: &Request<Upload>,
) -> Result<(Response<Incoming>, Option<UpstreamConnection<Empty<Bytes>>>), Answer> {
    let name = &policy.config.name;
    let upstream = app.upstream().ok_or(Answer::Unreachable)?;
    let request = handshake(policy, &upstream, request)?;
    let http = {
        let limits = &proxy.serving.config().limits;
        let mut http = upstream::builder(limits.headers);
        http.max_buf_size(limits.header_bytes);
        http
    };
    let connection = UpstreamConnection::open(&upstream, &http).await.map_err(|error| {
        tracing::info!(app = name, error = %chain(&error), "cannot connect to the app");
        Answer::from(&error)
    })?;
    match tokio::time::timeout(policy.config.handshake_timeout, connection.ask(request)).await {
        Ok(Ok(answered)) => Ok(answered),
        Ok(Err(error)) => {
            tracing::info!(app = name, error = %chain(&error.error), "handshake failed");
            Err(Answer::from(&UpstreamError::from(error.error)))
        }
        Err(_) => {
            tracing::info!(app = name, "app did not answer a handshake");
            Err(Answer::Slow)
        }
    }
}

/// Waits until both sides have switched protocols, then gives the session to its thread.
async fn start(
    (proxy, pumps): (Arc<Proxy>, Pumps),
    (app, path): (Arc<App>, Path),
    seats: Box<(AppSeat, Seat)>,
    (client, client_peer, address): (OnUpgrade, SocketAddr, Option<IpAddr>),
    connection: UpstreamConnection<Empty<Bytes>>,
    (limits, counting): (Limits, Counting),
) {
    let name = app.name.clone();
    let ready = async {
        let app_peer = connection.peer();
        let app_socket = connection.into_socket().await;
        let client = client.await.map_err(io::Error::other)?;
        let ends = PerSide { client: client_end(client)?, app: end(app_socket)? };
        let sockets = proxy.sockets.register_pair(ends.as_ref().map(|end| end.stream.as_fd()))?;
        let legs = PerSide {
            client: Leg::new(client_peer, sockets.client),
            app: Leg::new(app_peer, sockets.app),
        };
        let (id, waker) = (proxy.serving.registry.next_id(), pumps.waker());
        let session =
            Session::new(id, app, (path, address), clock::now(), legs, Arc::clone(&waker).into());
        let session = Arc::new(session);
        proxy.serving.registry.insert(Arc::clone(&session));
        if proxy.serving.phase() == Phase::Closing {
            session.end(Cause::Shutdown);
        }
        let host = Host { proxy: Arc::clone(&proxy), _counted: proxy.pumps.token() };
        if pumps.run(waker, (session, host), seats, ends, limits, counting) {
            // Lets sessions that are ready now arrive together: each call costs two thread switches.
            tokio::task::yield_now().await;
            pumps.call();
        }
        io::Result::Ok(())
    };
    if let Err(error) = ready.await {
        tracing::debug!(app = name, %error, "one side was gone before the session began");
    }
}

/// Owns a session's entry in the task tracker until both legs are closed.
#[derive(Debug)]
struct Host {
    proxy: Arc<Proxy>,
    _counted: TaskTrackerToken,
}

impl SessionHost for Host {
    fn registry(&self) -> &Registry {
        &self.proxy.serving.registry
    }

    fn ended(&self, session: &Session, cause: Cause) {
        let Some(reap) = cause.reap() else { return };
        let (app, at) = (&session.app, clock::now());
        if let Some(loss) = Loss::of(cause) {
            app.lost(Lost { loss, at, session: Some(session.id) });
        }
        self.proxy.metrics.reap(&app.name, reap);
        app.tell(at, || EventKind::Reap { session: session.id, reap });
    }

    fn over(&self, session: &Session) {
        self.proxy.access_log.add(|format, line| {
            let traffic = |leg: &Leg| {
                let Counts { data, control, heartbeat, bytes, .. } = leg.frames.read();
                Traffic { frames: data + control + heartbeat, bytes }
            };
            let line_of = access_log::Session {
                at: request_line::now(),
                id: session.id,
                client: session.client,
                path: &session.path,
                app: &session.app.name,
                state: session.app.state(),
                cause: match (session.ended(), session.closed_by()) {
                    (Some(cause), _) => cause.as_str(),
                    (None, Some(Side::Client)) => "closed-by-client",
                    (None, Some(Side::App)) => "closed-by-app",
                    (None, None) => "closed",
                },
                took: clock::elapsed(session.opened),
                input: traffic(&session.legs.client),
                output: traffic(&session.legs.app),
            };
            line_of.write(format, line);
        });
    }
}

/// The client's socket without its HTTP wrappers, and the bytes already read from it.
fn client_end(upgraded: Upgraded) -> io::Result<End> {
    let parts = upgraded
        .downcast::<Timed>()
        .map_err(|_| io::Error::other("upgraded connection is not a TCP stream"))?;
    end((parts.io.into_inner(), parts.read_buf))
}

fn end((BareSocket { socket, tls }, early): (BareSocket, Bytes)) -> io::Result<End> {
    Ok(End { stream: socket.into_std()?, tls, early })
}
