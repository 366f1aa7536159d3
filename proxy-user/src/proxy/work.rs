//! Requests that are work until they are answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use crate::clock;
use crate::core::pack::WorkRule;
use crate::session::App;

/// A request, or the stream that answers it. Its work is over when this is dropped.
#[derive(Debug)]
pub(super) struct OpenRequest {
    app: Arc<App>,
    pub(super) number: u64,
    /// The rules that may match it.
    rules: Vec<Arc<WorkRule>>,
    begun: AtomicBool,
}

impl OpenRequest {
    pub(super) fn new(app: &Arc<App>, rules: Vec<Arc<WorkRule>>) -> OpenRequest {
        let number = app.work.number_request();
        OpenRequest { app: Arc::clone(app), number, rules, begun: AtomicBool::new(false) }
    }

    /// How many bytes of its body the rules need.
    pub(super) fn needs(&self) -> usize {
        self.rules.iter().filter_map(|rule| rule.body_needs()).max().unwrap_or(0)
    }

    /// Begins the work of a request that counts. `body`: the whole body, if it was inspected; one that is
    /// longer than any rule inspects counts as a person's.
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
