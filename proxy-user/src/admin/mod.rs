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
use crate::metrics;
use crate::proxy::{self, Phase, Proxy, timed};

/// How long a request's head may take to arrive.
const HEAD: Duration = Duration::from_secs(10);

/// Serves the admin address until it is told to close; requests under way go on.
pub async fn serve(proxy: Arc<Proxy>, listener: Listener) {
    let guarded = Router::new()
        .route("/metrics", get(exposition))
        .route("/api/apps", get(apps))
        .route("/api/apps/{app}", get(app))
        .route("/api/events", get(events::events))
        .route("/api/sessions", get(sessions))
        .route("/api/sessions/{id}", delete(end_session))
        .route_layer(middleware::from_fn_with_state(
            Arc::clone(&proxy),
            token::guard_as_configured,
        ));
    let routes = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .merge(guarded)
        .fallback(|| async { (StatusCode::NOT_FOUND, "Nothing here.\n") })
        .with_state(proxy);
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

async fn ready(State(proxy): State<Arc<Proxy>>) -> Response {
    if proxy.phase() != Phase::Running {
        (StatusCode::SERVICE_UNAVAILABLE, "draining\n").into_response()
    } else {
        "ready\n".into_response()
    }
}

async fn exposition(State(proxy): State<Arc<Proxy>>) -> Response {
    match metrics::render(&proxy) {
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

async fn apps(State(proxy): State<Arc<Proxy>>) -> Json<Vec<apps::View>> {
    Json(proxy.served().all_apps().iter().map(|app| apps::View::of(app, &proxy.registry)).collect())
}

async fn app(State(proxy): State<Arc<Proxy>>, Path(name): Path<String>) -> Response {
    let apps = proxy.served().all_apps();
    if let Some(app) = apps.iter().find(|app| *app.name == name) {
        return Json(apps::Detail::of(app, &proxy.registry)).into_response();
    }
    let known: Vec<_> = apps.iter().map(|app| &*app.name).collect();
    let nearest = nearest(&name, &known);
    let unknown = serde_json::json!({ "error": "unknown app", "nearest": nearest, "apps": known });
    (StatusCode::NOT_FOUND, Json(unknown)).into_response()
}

async fn sessions(
    State(proxy): State<Arc<Proxy>>,
    Query(filter): Query<Filter>,
) -> Json<Vec<sessions::Row>> {
    Json(sessions::list(&proxy, filter.app.as_deref()))
}

/// 204: it ends for this. 404: there is no such session, or it has ended for another cause.
async fn end_session(State(proxy): State<Arc<Proxy>>, Path(id): Path<String>) -> Response {
    if id.parse().is_ok_and(|id| sessions::end(&proxy, id)) {
        StatusCode::NO_CONTENT.into_response()
    } else {
        (StatusCode::NOT_FOUND, "No such session lives.\n").into_response()
    }
}
