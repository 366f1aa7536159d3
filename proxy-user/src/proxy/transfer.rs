//! Uploads and downloads of requests that count: while their bytes move, the app is in use.
//!
//! A download that somebody asked for counts whatever `count` says. A stream that a page keeps open for
//! news does not: server-sent events are judged one by one, and an answer without a length that a page's
//! script reads is output, like a WebSocket's messages.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use http::Uri;
use http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, HeaderMap};

use super::judge::RequestContext;
use crate::core::history::{Kind, Method, Path};
use crate::session::App;

/// A request and its answer.
#[derive(Debug)]
pub(super) struct Transfer {
    app: Arc<App>,
    method: Method,
    uri: Uri,
    /// Whether the request counts; false until that is known.
    counts: AtomicBool,
}

impl Transfer {
    /// A transfer for a request with this method. `counts`: false if its body must be judged first.
    pub(super) fn new(app: &Arc<App>, method: &str, uri: &Uri, counts: bool) -> Transfer {
        Transfer {
            app: Arc::clone(app),
            method: Method::named(method),
            uri: uri.clone(),
            counts: AtomicBool::new(counts),
        }
    }

    /// The request's body has been judged.
    pub(super) fn judged(&self, counts: bool) {
        self.counts.store(counts, Relaxed);
    }

    /// Some bytes have moved.
    pub(super) fn moved(&self) {
        if self.counts.load(Relaxed) {
            self.app.moved(|| Kind::Request(self.method, Path::shown(self.uri.path())));
        }
    }
}

/// The transfer for an answer with these headers, if the answer is what was asked for.
pub(super) fn of_answer(
    context: &RequestContext,
    headers: &HeaderMap,
    is_event_stream: bool,
) -> Option<Arc<Transfer>> {
    let is_file = headers.contains_key(CONTENT_LENGTH)
        || headers.get(CONTENT_DISPOSITION).is_some_and(|value| {
            value.as_bytes().get(..10).is_some_and(|kind| kind.eq_ignore_ascii_case(b"attachment"))
        });
    let asked_for = is_file || !context.by_page_itself() || context.counts_output();
    context.transfer.clone().filter(|_| asked_for && !is_event_stream)
}
