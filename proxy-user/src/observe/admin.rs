//! The admin address of an observer: metrics, health, and the rows of the observed sockets.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use tokio::net::TcpListener;

use super::table::WatchedSocket;
use super::{Observer, metrics};
use crate::admin::Guard;
use crate::clock;
use crate::core::observe;
use crate::core::time::Nanos;
use crate::views::LegView;

/// Serves until the task is dropped.
///
/// # Errors
/// None at run time: accepting is retried after errors.
pub(super) async fn serve(
    observer: Arc<Observer>,
    listener: TcpListener,
    guard: Guard,
) -> std::io::Result<()> {
    let routes = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(|| async { "ready\n" }))
        .route("/metrics", get(exposition))
        .route("/api/sessions", get(sessions))
        .fallback(|| async { (StatusCode::NOT_FOUND, "Nothing here.\n") })
        .layer(middleware::from_fn_with_state(Arc::new(guard), check))
        .with_state(observer);
    axum::serve(listener, routes).await
}

async fn check(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    match guard.check(&request) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
}

async fn exposition(State(observer): State<Arc<Observer>>) -> Response {
    let text = metrics::render(&observer.table());
    match text {
        Ok(text) => ([(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "cannot render the metrics");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

async fn sessions(State(observer): State<Arc<Observer>>) -> Json<Vec<Row>> {
    let now = clock::now();
    let table = observer.table();
    let known = table.legs.iter().filter(|(_, watched)| watched.is_known());
    Json(known.map(|(cookie, watched)| row(*cookie, watched, now)).collect())
}

/// One observed connection: as a session with a client leg only.
#[derive(Debug, Serialize)]
struct Row {
    /// The socket's cookie.
    id: u64,
    /// [`metrics::APP`].
    app: &'static str,
    /// Time since it was first watched.
    age_seconds: f64,
    port: Option<u16>,
    /// `stalled`, `unreachable` or `peer_closed`; null = fine.
    verdict: Option<&'static str>,
    legs: Legs,
}

#[derive(Debug, Serialize)]
struct Legs {
    client: LegView,
}

fn row(cookie: u64, watched: &WatchedSocket, now: Nanos) -> Row {
    let sample = watched.leg.sample();
    let id = watched.seen.as_ref().map(|(_, id)| id);
    Row {
        id: cookie,
        app: metrics::APP,
        age_seconds: now.since(watched.opened).as_secs_f64(),
        port: id.map(|id| id.local_port()),
        verdict: observe::reason(watched.told),
        legs: Legs {
            client: LegView {
                peer: id.map(|id| id.peer().to_string()),
                ..LegView::of(watched.leg.source(), &sample, &watched.watch, now)
            },
        },
    }
}
