//! What a person sees while their app starts, or cannot.

use bytes::Bytes;

use super::judge::RequestContext;
use crate::core::lifecycle::State;
use crate::session::Status;

/// A page in place of the app's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    /// For `X-Ebbtide-Reason`.
    pub(super) reason: &'static str,
    /// HTML.
    pub(super) html: Bytes,
}

/// The page for an app that is so.
pub(super) fn page(context: &RequestContext, status: &Status) -> Page {
    let (reason, text) = match status.state {
        State::Failed { .. } => ("app-failed", "could not start"),
        State::Disabled => ("app-disabled", "may not run at the moment"),
        _ => ("app-starting", "is starting"),
    };
    let html = format!(
        "<!doctype html><meta charset=utf-8><title>{0} {text}</title><p>{0} {text}.",
        context.app.name
    );
    Page { reason, html: html.into() }
}
