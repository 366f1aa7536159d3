//! Selects the work rules of a book that apply to a connection, a request or its answer.

use std::sync::Arc;

use super::signs::named;
use super::{MessageWork, ScopeRule, Shown, Signal, WorkRule};
use crate::core::pack::book::{Entry, RuleBook};
use crate::core::pack::judgement::{Opening, RequestHead};
use crate::core::work::By;

/// A rule for the messages of one connection.
#[derive(Clone, Debug)]
pub struct ConnectionWork {
    pub(super) rule: Arc<WorkRule>,
    /// The scope named by the path.
    pub(super) named: Option<u64>,
}

impl ConnectionWork {
    /// The messages that are signs of it, or decide on its scope.
    pub(super) fn signals(&self) -> impl Iterator<Item = &Signal> {
        let shown = match &self.rule.shown {
            Shown::Messages(work) => Some(work),
            _ => None,
        };
        shown.into_iter().flat_map(|MessageWork { scope, signals, .. }| {
            let survives = match scope {
                ScopeRule::Message { survives, .. } => Some(survives),
                _ => None,
            };
            signals.each().chain(survives)
        })
    }

    /// Whether it needs to know who began the work.
    pub(in crate::core::pack) fn by_asker(&self) -> bool {
        self.rule.by == By::Asker
    }
}

impl RuleBook {
    /// The rules of these packs for work shown by messages of a connection.
    pub(in crate::core::pack) fn connection_work(
        &self,
        opening: &Opening<'_>,
        packs: u64,
    ) -> Vec<ConnectionWork> {
        let known = self.packs.iter().filter(|entry| entry.bit & packs != 0);
        let rules = known.flat_map(|entry| &entry.pack.works);
        let work = |rule: &Arc<WorkRule>| {
            let Shown::Messages(MessageWork { guard, scope, .. }) = &rule.shown else {
                return None;
            };
            let path = match scope {
                ScopeRule::Path(pattern) => Some(pattern.last_group(opening.path.as_bytes())?),
                _ => None,
            };
            let named = path.map(|name| named(&String::from_utf8_lossy(name)));
            guard.fits(opening).then(|| ConnectionWork { rule: Arc::clone(rule), named })
        };
        rules.filter_map(work).collect()
    }

    /// Whether this request, which counts, is a person asking for work.
    #[must_use]
    pub fn asks_for_work(&self, head: &RequestHead<'_>, recognised: u64) -> bool {
        let asks = |rule: &Arc<WorkRule>| rule.asked_by.as_ref().is_some_and(|by| by.fits(head));
        self.works(recognised).any(asks)
    }

    /// The rules for work shown by a request that has not been answered.
    pub fn request_work<'a>(
        &'a self,
        head: &'a RequestHead<'_>,
        recognised: u64,
    ) -> impl Iterator<Item = &'a Arc<WorkRule>> {
        self.works(recognised).filter(move |rule| match &rule.shown {
            Shown::Request { guard, .. } => guard.fits(head),
            _ => false,
        })
    }

    /// The rules for work shown by the answer to a request.
    pub fn answer_work<'a>(
        &'a self,
        head: &'a RequestHead<'_>,
        recognised: u64,
    ) -> impl Iterator<Item = &'a Arc<WorkRule>> {
        self.works(recognised).filter(move |rule| match &rule.shown {
            Shown::Answer(work) => work.guard.fits(head),
            _ => false,
        })
    }

    /// The rules for work shown by server-sent events in the answer to a request for this path.
    pub fn event_work<'a>(
        &'a self,
        path: &'a str,
        recognised: u64,
    ) -> impl Iterator<Item = &'a Arc<WorkRule>> {
        self.works(recognised).filter(move |rule| match &rule.shown {
            Shown::Events { path: pattern, .. } => {
                pattern.as_ref().is_none_or(|pattern| pattern.fits(path.as_bytes()))
            }
            _ => false,
        })
    }

    fn works(&self, recognised: u64) -> impl Iterator<Item = &Arc<WorkRule>> {
        self.applicable(recognised).flat_map(Entry::works)
    }
}
