//! `/api/events`: server-sent events, for a limited number of listeners.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;

use super::{Admin, Filter};
use crate::events::Listener;
use crate::views::EventView;

/// A listener and its filter; the listener is gone once the stream is to end.
struct Stream {
    listener: Option<Listener>,
    app: Option<String>,
    greeted: bool,
}

/// All events from now on, or those of one app.
pub(super) async fn events(
    State(admin): State<Arc<Admin>>,
    Query(filter): Query<Filter>,
) -> Response {
    if let Some(unknown) = super::unknown(&admin.serving, filter.app.as_deref()) {
        return unknown;
    }
    let Some(listener) = admin.serving.events.listen() else {
        let again = [(header::RETRY_AFTER, "10")];
        let text = "Too many event streams are open; close one of them.\n";
        return (StatusCode::SERVICE_UNAVAILABLE, again, text).into_response();
    };
    let stream = Stream { listener: Some(listener), app: filter.app, greeted: false };
    let events = stream::unfold(stream, |mut stream| async {
        let event = stream.next().await?;
        Some((Ok::<_, Infallible>(event), stream))
    });
    // Comments keep load balancers from cutting a quiet stream.
    Sse::new(events).keep_alive(KeepAlive::default()).into_response()
}

impl Stream {
    async fn next(&mut self) -> Option<Event> {
        let listener = self.listener.as_mut()?;
        if !std::mem::replace(&mut self.greeted, true) {
            // This sends the response head: from here on no event is missed.
            return Some(Event::default().comment("listening"));
        }
        loop {
            match listener.next().await {
                Ok(event) if self.app.as_deref().is_some_and(|app| *app != *event.app) => {}
                Ok(event) => return Some(sent(&EventView::of(&event))),
                Err(lost) => {
                    self.listener = None;
                    return Some(sent(&EventView::Dropped { lost }));
                }
            }
        }
    }
}

fn sent(event: &EventView) -> Event {
    // Only strings and numbers: this cannot fail.
    let json = serde_json::to_string(event).unwrap_or_default();
    Event::default().event(event.name()).data(json)
}
