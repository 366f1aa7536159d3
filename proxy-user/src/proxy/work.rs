//! Requests that are work while they are not answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use crate::clock;
use crate::core::pack::WorkRule;
use crate::session::App;

/// A request, or the stream that answers it: what belongs to it is over when this is dropped.
#[derive(Debug)]
pub(super) struct OpenRequest {
    app: Arc<App>,
    pub(super) number: u64,
    /// The rules by which it may be work.
    rules: Vec<Arc<WorkRule>>,
    begun: AtomicBool,
}

impl OpenRequest {
    pub(super) fn new(app: &Arc<App>, rules: Vec<Arc<WorkRule>>) -> OpenRequest {
        let number = app.work.number_request();
        OpenRequest { app: Arc::clone(app), number, rules, begun: AtomicBool::new(false) }
    }

    /// The bytes of its body that must be seen.
    pub(super) fn needs(&self) -> usize {
        self.rules.iter().filter_map(|rule| rule.body_needs()).max().unwrap_or(0)
    }

    /// It counts. `body`: all of it, where that was looked at; one that is longer than any rule looks at
    /// is a person's.
    pub(super) fn begin(&self, body: Option<&[u8]>) {
        let fits = |rule: &&Arc<WorkRule>| body.is_none_or(|body| rule.fits_body(body));
        let works = self.rules.iter().filter(fits).map(|rule| rule.asked(self.number));
        let mut works = works.peekable();
        if works.peek().is_some() && !self.begun.swap(true, Relaxed) {
            self.app.note_work(clock::coarse(), works);
        }
    }
}

impl Drop for OpenRequest {
    fn drop(&mut self) {
        self.app.close_work(clock::coarse(), self.number);
    }
}
