//! Chooses whose report is sent next: every app in turn, however many reports are due.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::core::report::{LastUse, Outbox};
use crate::core::time::Nanos;
use crate::session::App;

/// An app and the state of its reports.
#[derive(Debug)]
struct Post {
    app: Arc<App>,
    outbox: Outbox,
}

/// The posts of all apps, checked in rounds. A round may be interrupted when enough reports are in flight;
/// the next one begins where it stopped.
#[derive(Debug, Default)]
pub(super) struct Posts {
    all: Vec<Post>,
    /// The post to check next.
    next: usize,
    /// How many posts the current round has yet to check.
    left: usize,
}

impl Posts {
    /// Keeps a post for each of these apps, in their order.
    pub(super) fn follow(&mut self, apps: Vec<Arc<App>>) {
        let same = |(post, app): (&Post, &Arc<App>)| Arc::ptr_eq(&post.app, app);
        if self.all.len() == apps.len() && self.all.iter().zip(&apps).all(same) {
            return;
        }
        let mut known: HashMap<_, _> =
            self.all.drain(..).map(|post| (Arc::as_ptr(&post.app), post.outbox)).collect();
        let post = |app: Arc<App>| {
            let outbox = known.remove(&Arc::as_ptr(&app)).unwrap_or_default();
            Post { app, outbox }
        };
        self.all = apps.into_iter().map(post).collect();
        self.left = self.left.min(self.all.len());
    }

    /// Begins a round: every post is checked once.
    pub(super) fn begin_round(&mut self) {
        self.left = self.all.len();
    }

    /// The next report of this round that is due; `None` when the round is over.
    pub(super) fn next_due(
        &mut self,
        now: Nanos,
        interval: Duration,
    ) -> Option<(Arc<App>, LastUse)> {
        while self.left > 0 {
            self.left -= 1;
            // Apps may have been removed since the last check.
            let at = if self.next < self.all.len() { self.next } else { 0 };
            self.next = at + 1;
            let Post { app, outbox } = self.all.get_mut(at)?;
            if let Some(last_use) = outbox.poll(app.last_use(now), now, interval) {
                return Some((Arc::clone(app), last_use));
            }
        }
        None
    }

    /// The report of `app` has been accepted or has failed.
    pub(super) fn answered(&mut self, app: &Arc<App>, accepted: bool, now: Nanos) {
        // It was sent recently, so it is just before the current position.
        let at = self.next.min(self.all.len());
        let (before, behind) = self.all.split_at_mut(at);
        let mut backwards = before.iter_mut().rev().chain(behind.iter_mut().rev());
        if let Some(post) = backwards.find(|post| Arc::ptr_eq(app, &post.app)) {
            post.outbox.answered(accepted, now);
        }
    }

    /// What must be sent before the process ends.
    pub(super) fn last(&mut self, now: Nanos) -> impl Iterator<Item = (Arc<App>, LastUse)> {
        self.all.iter_mut().filter_map(move |Post { app, outbox }| {
            outbox.last(app.last_use(now)).map(|last_use| (Arc::clone(app), last_use))
        })
    }
}

#[cfg(test)]
#[path = "posts_tests.rs"]
mod tests;
