//! The admin address: metrics, health and the API, for operators and Prometheus.
//!
//! Reads what the proxy knows; nothing here serves an app's users.

pub(crate) mod apps;
mod events;
pub(crate) mod losses;
mod sessions;
pub(crate) mod token;

use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get};
use axum::{Json, Router};
use hyper::server::conn::http1;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use serde::Deserialize;
use tokio::net::TcpStream;

pub use self::token::{Token, TokenError};
use crate::config::nearest;
use crate::core::patience::Limits;
use crate::listen::Listener;
use crate::metrics::{self, Metrics};
use crate::proxy::{self, timed};
use crate::serving::{Phase, Serving};
use crate::sockets::Sockets;

/// How long a request's head may take to arrive.
const HEAD: Duration = Duration::from_secs(10);

/// What the admin address shows, and what it asks for.
#[derive(Debug)]
pub struct Admin {
    serving: Arc<Serving>,
    sockets: Sockets,
    metrics: Arc<Metrics>,
    token: ArcSwapOption<Token>,
}

impl Admin {
    /// Shows these to whoever brings the token; `None` = to all.
    #[must_use]
    pub fn new(
        serving: Arc<Serving>,
        sockets: Sockets,
        metrics: Arc<Metrics>,
        token: Option<Token>,
    ) -> Admin {
        Admin { serving, sockets, metrics, token: ArcSwapOption::from_pointee(token) }
    }

    /// Asks for another token from the next request on.
    pub fn set_token(&self, token: Option<Token>) {
        self.token.store(token.map(Arc::new));
    }
}

/// Serves the admin address until it is told to close; requests under way go on.
pub async fn serve(admin: Arc<Admin>, listener: Listener) {
    let guarded = Router::new()
        .route("/metrics", get(exposition))
        .route("/api/apps", get(apps))
        .route("/api/apps/{app}", get(app))
        .route("/api/events", get(events::events))
        .route("/api/sessions", get(sessions))
        .route("/api/sessions/{id}", delete(end_session))
        .route_layer(middleware::from_fn_with_state(
            Arc::clone(&admin),
            token::guard_as_configured,
        ));
    let routes = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .merge(guarded)
        .fallback(|| async { (StatusCode::NOT_FOUND, "Nothing here.\n") })
        .with_state(admin);
    let routes = TowerToHyperService::new(routes);
    let serve = |(stream, peer)| {
        tokio::spawn(connection(stream, peer, routes.clone()));
    };
    loop {
        tokio::select! {
            biased;
            () = listener.closed() => break,
            accepted = proxy::accept(listener.socket()) => serve(accepted),
        }
    }
    listener.take_rest().into_iter().for_each(serve);
}

async fn connection(stream: TcpStream, peer: SocketAddr, routes: TowerToHyperService<Router>) {
    let mut http = http1::Builder::new();
    http.header_read_timeout(None);
    let answer = |request| {
        let answer = routes.call(request);
        async {
            let Ok(answer) = answer.await;
            answer
        }
    };
    let limits = Limits::new(HEAD);
    if let Err(error) = timed::serve(&http, stream, limits, pending(), answer).await {
        tracing::debug!(%peer, %error, "admin connection ended early");
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

async fn apps(State(admin): State<Arc<Admin>>) -> Json<Vec<apps::View>> {
    let serving = &admin.serving;
    Json(serving.all_apps().iter().map(|app| apps::View::of(app, &serving.registry)).collect())
}

async fn app(State(admin): State<Arc<Admin>>, Path(name): Path<String>) -> Response {
    let apps = admin.serving.all_apps();
    if let Some(app) = apps.iter().find(|app| *app.name == name) {
        return Json(apps::Detail::of(app, &admin.serving.registry)).into_response();
    }
    let known: Vec<_> = apps.iter().map(|app| &*app.name).collect();
    let nearest = nearest(&name, &known);
    let unknown = serde_json::json!({ "error": "unknown app", "nearest": nearest, "apps": known });
    (StatusCode::NOT_FOUND, Json(unknown)).into_response()
}

async fn sessions(
    State(admin): State<Arc<Admin>>,
    Query(filter): Query<Filter>,
) -> Json<Vec<sessions::Row>> {
    Json(sessions::list(&admin.serving.registry, filter.app.as_deref()))
}

/// 204: it ends for this. 404: there is no such session, or it has ended for another cause.
async fn end_session(State(admin): State<Arc<Admin>>, Path(id): Path<String>) -> Response {
    if id.parse().is_ok_and(|id| sessions::end(&admin.serving.registry, id)) {
        StatusCode::NO_CONTENT.into_response()
    } else {
        (StatusCode::NOT_FOUND, "No such session lives.\n").into_response()
    }
}
