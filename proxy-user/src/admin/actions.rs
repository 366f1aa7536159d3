//! `POST /api/apps/{app}/wake` and `/suspend`: an operator starts or stops an app.
//!
//! The action is only begun here. The answer is the app as it is then: 200 if there is nothing left to do,
//! otherwise 202. 404: there is no such app. 409: it cannot be done, and the answer says why.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::Admin;
use crate::clock;
use crate::core::lifecycle::{self, LifecycleEvent};
use crate::session::App;
use crate::views::{AppView, Refused, UnknownApp};

pub(super) async fn wake(State(admin): State<Arc<Admin>>, Path(name): Path<String>) -> Response {
    act(&admin, &name, LifecycleEvent::Wake, lifecycle::State::Running)
}

pub(super) async fn suspend(State(admin): State<Arc<Admin>>, Path(name): Path<String>) -> Response {
    act(&admin, &name, LifecycleEvent::Suspend, lifecycle::State::Suspended)
}

fn act(admin: &Admin, name: &str, event: LifecycleEvent, wanted: lifecycle::State) -> Response {
    let apps = admin.serving.all_apps();
    let Some(app) = apps.iter().find(|app| *app.name == *name) else {
        return (StatusCode::NOT_FOUND, Json(UnknownApp::of(name, &apps))).into_response();
    };
    if let Some(why) = obstacle(app, wanted) {
        let refused = Refused { error: format!("{name} {why}") };
        return (StatusCode::CONFLICT, Json(refused)).into_response();
    }
    tracing::info!(app = name, wanted = wanted.as_str(), "requested by an operator");
    app.drive(event, clock::now());
    let view = AppView::of(app, &admin.serving.registry);
    let status = if view.state == wanted.as_str() { StatusCode::OK } else { StatusCode::ACCEPTED };
    (status, Json(view)).into_response()
}

/// Why an app cannot be brought into a state.
fn obstacle(app: &App, wanted: lifecycle::State) -> Option<&'static str> {
    if !app.life.is_driven() {
        return Some("has no driver that could start and stop it: it always runs");
    }
    if app.life.status().state == lifecycle::State::Disabled {
        return Some("is not allowed to run by its control plane");
    }
    let kept = app.facts(clock::now()).kept;
    // It would be started again within a second.
    (kept && wanted == lifecycle::State::Suspended).then_some(
        "is inside one of its keep_awake times, in which it is started whenever it is down",
    )
}
