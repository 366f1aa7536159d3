//! The admin address: metrics, health and the API, for operators and Prometheus.
//!
//! Reads the proxy's state and carries out operators' requests; nothing here serves an app's users.

mod actions;
mod events;
mod guard;
mod places;
mod token;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::extract::{Path, Query, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use serde::Deserialize;
use tokio::net::TcpStream;

pub use self::guard::{Guard, Refusal};
use self::places::{ConnectionPermit, Places};
pub use self::token::{Token, TokenError};
use crate::clock;
use crate::core::client_timeouts::{ClientTimeouts, Limits};
use crate::core::ending::Cause;
use crate::descriptors::Descriptors;
use crate::http::{LOOP, REASON, accept, timed};
use crate::listen::Listener;
use crate::metrics::{self, Metrics};
use crate::serving::{Phase, Serving};
use crate::session::Registry;
use crate::sockets::Sockets;
use crate::views::{self, AppDetail, AppView, UnknownApp};

/// How long a request's head may take to arrive.
const HEAD: Duration = Duration::from_secs(10);

/// What the admin address shows, and the guard of its requests.
#[derive(Debug)]
pub struct Admin {
    serving: Arc<Serving>,
    sockets: Sockets,
    metrics: Arc<Metrics>,
    guard: ArcSwap<Guard>,
    places: Places,
}

impl Admin {
    /// Serves these to requests that `guard` admits.
    #[must_use]
    pub fn new(
        serving: Arc<Serving>,
        sockets: Sockets,
        metrics: Arc<Metrics>,
        guard: Guard,
    ) -> Admin {
        let places = Places::new(Descriptors::for_admin());
        Admin { serving, sockets, metrics, guard: ArcSwap::from_pointee(guard), places }
    }

    /// Uses another guard from the next request on.
    pub fn set_guard(&self, guard: Guard) {
        self.guard.store(Arc::new(guard));
    }
}

/// Serves the admin address until it is told to close; requests in progress are finished. Connections
/// beyond the limit wait for a place.
pub async fn serve(admin: Arc<Admin>, listener: Listener) {
    let routes = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(exposition))
        .route("/api/apps", get(apps))
        .route("/api/apps/{app}", get(app))
        .route("/api/apps/{app}/wake", post(actions::wake))
        .route("/api/apps/{app}/suspend", post(actions::suspend))
        .route("/api/events", get(events::events))
        .route("/api/sessions", get(sessions))
        .route("/api/sessions/{id}", delete(end_session))
        .fallback(|| async { (StatusCode::NOT_FOUND, "Nothing here.\n") })
        .layer(middleware::from_fn_with_state(Arc::clone(&admin), guard_as_configured))
        .with_state(Arc::clone(&admin));
    let routes = TowerToHyperService::new(routes);
    let serve = async |(stream, peer)| {
        let place = admin.places.take().await;
        tokio::spawn(connection(stream, peer, place, routes.clone()));
    };
    loop {
        let accepted = tokio::select! {
            biased;
            () = listener.closed() => break,
            accepted = accept(listener.socket()) => accepted,
        };
        serve(accepted).await;
    }
    for accepted in listener.take_rest() {
        serve(accepted).await;
    }
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    mut place: ConnectionPermit,
    routes: TowerToHyperService<Router>,
) {
    let answer = |request| {
        let answer = routes.call(request);
        async {
            let Ok(answer) = answer.await;
            answer
        }
    };
    let timeouts = ClientTimeouts::new(Limits::new(HEAD), clock::now());
    if let Err(error) =
        timed::serve(&timed::http(), stream.into(), timeouts, place.wanted(), answer).await
    {
        tracing::debug!(%peer, %error, "admin connection ended early");
    }
}

/// Admits the requests that the current configuration allows.
async fn guard_as_configured(
    State(admin): State<Arc<Admin>>,
    request: Request,
    next: Next,
) -> Response {
    if admin.serving.pseudonym.is_loop(request.headers()) {
        let text = "A request for an app came to the admin address; see the app's upstream.\n";
        return (StatusCode::LOOP_DETECTED, [(REASON, LOOP)], text).into_response();
    }
    let checked = admin.guard.load().check(&request);
    match checked {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
}

async fn ready(State(admin): State<Arc<Admin>>) -> Response {
    if admin.serving.phase() != Phase::Running {
        (StatusCode::SERVICE_UNAVAILABLE, "draining\n").into_response()
    } else {
        "ready\n".into_response()
    }
}

async fn exposition(State(admin): State<Arc<Admin>>) -> Response {
    match metrics::render(&admin.metrics, &admin.serving, &admin.sockets) {
        Ok(text) => ([(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "cannot render the metrics");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

#[derive(Deserialize)]
struct Filter {
    app: Option<String>,
}

async fn apps(State(admin): State<Arc<Admin>>) -> Json<Vec<AppView>> {
    let serving = &admin.serving;
    Json(serving.all_apps().iter().map(|app| AppView::of(app, &serving.registry)).collect())
}

async fn app(State(admin): State<Arc<Admin>>, Path(name): Path<String>) -> Response {
    let apps = admin.serving.all_apps();
    match apps.iter().find(|app| *app.name == name) {
        Some(app) => Json(AppDetail::of(app, &admin.serving.registry)).into_response(),
        None => (StatusCode::NOT_FOUND, Json(UnknownApp::of(&name, &apps))).into_response(),
    }
}

/// The answer if there is no such app.
fn unknown(serving: &Serving, app: Option<&str>) -> Option<Response> {
    let (name, apps) = (app?, serving.all_apps());
    let known = apps.iter().any(|app| *app.name == *name);
    (!known).then(|| (StatusCode::NOT_FOUND, Json(UnknownApp::of(name, &apps))).into_response())
}

async fn sessions(State(admin): State<Arc<Admin>>, Query(filter): Query<Filter>) -> Response {
    let app = filter.app.as_deref();
    match unknown(&admin.serving, app) {
        Some(unknown) => unknown,
        None => Json(views::sessions(&admin.serving.registry, app)).into_response(),
    }
}

/// 204: the session is being ended. 404: there is no such session, or it is already ending for another
/// reason.
async fn end_session(State(admin): State<Arc<Admin>>, Path(id): Path<String>) -> Response {
    if id.parse().is_ok_and(|id| end(&admin.serving.registry, id)) {
        StatusCode::NO_CONTENT.into_response()
    } else {
        (StatusCode::NOT_FOUND, "No such session.\n").into_response()
    }
}

/// Ends a session for an operator; false if there is none with this id, or if it is already ending for
/// another reason.
fn end(registry: &Registry, id: u64) -> bool {
    let Some(session) = registry.find(id) else { return false };
    let ends = session.end(Cause::Operator);
    if ends {
        tracing::info!(app = session.app.name, session = id, "ended by an operator");
    }
    ends
}
