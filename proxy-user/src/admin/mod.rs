//! The admin address: metrics, health and the API, for operators and Prometheus.
//!
//! Reads what the proxy knows; nothing here serves an app's users.

mod sessions;
pub(crate) mod token;

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use tokio::net::TcpListener;

pub use self::token::{Token, TokenError};
use crate::metrics;
use crate::proxy::{Phase, Proxy};

/// Serves the admin address until the task is dropped.
pub async fn serve(proxy: Arc<Proxy>, listener: TcpListener, token: Option<Token>) {
    let guarded = Router::new()
        .route("/metrics", get(exposition))
        .route("/api/sessions", get(sessions))
        .route_layer(middleware::from_fn_with_state(token.map(Arc::new), token::guard));
    let routes = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .merge(guarded)
        .fallback(|| async { (StatusCode::NOT_FOUND, "Nothing here.\n") })
        .with_state(proxy);
    // axum tries accept errors again, so this ends with the task.
    if let Err(error) = axum::serve(listener, routes).await {
        tracing::error!(%error, "the admin address is gone");
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

async fn sessions(
    State(proxy): State<Arc<Proxy>>,
    Query(filter): Query<Filter>,
) -> Json<Vec<sessions::Row>> {
    Json(sessions::list(&proxy, filter.app.as_deref()))
}
