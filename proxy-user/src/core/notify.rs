//! What one control plane is still to be told of what happened: at least once, in order for each app, with
//! back-off, and bounded.
//!
//! Order of calls: `push` what happened, `next` until it returns nothing, send what it returned, then
//! `answered` for each. Apps do not wait for each other, but so many are told of at a time. When there is
//! no room, the oldest that nobody has begun to send makes room for the newest.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use super::backoff::Backoff;
use super::time::Nanos;

/// How much a queue may hold and send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Notices, those under way included.
    pub count: usize,
    /// Bytes of them.
    pub bytes: usize,
    /// Notices under way at a time, each of another app.
    pub in_flight: usize,
}

/// What one control plane is still to be told.
#[derive(Debug)]
pub struct Queue<N> {
    bounds: Bounds,
    apps: HashMap<Arc<str>, Line<N>>,
    /// Apps of which nothing is under way, by the time from which their first notice may be sent.
    ready: BTreeSet<(Nanos, Arc<str>)>,
    /// The apps of the notices that are not under way, by the notices' numbers: the oldest first.
    waiting: BTreeMap<u64, Arc<str>>,
    next_number: u64,
    count: usize,
    bytes: usize,
    in_flight: usize,
}

/// The notices of one app, in their order.
#[derive(Debug)]
struct Line<N> {
    notices: VecDeque<Entry<N>>,
    /// The first of them is under way.
    in_flight: bool,
    backoff: Backoff,
}

#[derive(Debug)]
struct Entry<N> {
    number: u64,
    bytes: usize,
    notice: N,
}

impl<N: Clone> Queue<N> {
    /// An empty queue.
    #[must_use]
    pub fn new(bounds: Bounds) -> Queue<N> {
        Queue {
            bounds,
            apps: HashMap::new(),
            ready: BTreeSet::new(),
            waiting: BTreeMap::new(),
            next_number: 0,
            count: 0,
            bytes: 0,
            in_flight: 0,
        }
    }

    /// Takes a notice of `app`, so many bytes long. How many were dropped for it; it may be one of them.
    pub fn push(&mut self, app: &Arc<str>, notice: N, bytes: usize, now: Nanos) -> usize {
        if bytes > self.bounds.bytes {
            return 1;
        }
        let mut dropped = 0;
        while self.count >= self.bounds.count || self.bytes + bytes > self.bounds.bytes {
            dropped += 1;
            if !self.drop_oldest() {
                return dropped;
            }
        }
        let number = self.next_number;
        self.next_number += 1;
        let line = self.apps.entry(Arc::clone(app)).or_insert_with(|| {
            self.ready.insert((now, Arc::clone(app)));
            Line { notices: VecDeque::new(), in_flight: false, backoff: Backoff::default() }
        });
        line.notices.push_back(Entry { number, bytes, notice });
        self.waiting.insert(number, Arc::clone(app));
        self.count += 1;
        self.bytes += bytes;
        dropped
    }

    /// The next notice to send and its app; `None` = nothing is due, or enough is under way.
    pub fn next(&mut self, now: Nanos) -> Option<(Arc<str>, N)> {
        while self.in_flight < self.bounds.in_flight && self.ready.first()?.0 <= now {
            let (_, app) = self.ready.pop_first()?;
            let line = self.apps.get_mut(&app)?;
            let Some(first) = line.notices.front() else {
                // All that it had was dropped while it had to wait for its next try.
                self.apps.remove(&app);
                continue;
            };
            line.in_flight = true;
            self.in_flight += 1;
            self.waiting.remove(&first.number);
            return Some((app, first.notice.clone()));
        }
        None
    }

    /// What was sent of `app` has been accepted or has failed. A failure is tried again after 1, 2, 4 … 60
    /// seconds.
    pub fn answered(&mut self, app: &Arc<str>, accepted: bool, now: Nanos) {
        let Some(line) = self.apps.get_mut(app).filter(|line| line.in_flight) else { return };
        line.in_flight = false;
        self.in_flight -= 1;
        let due = if accepted {
            line.backoff.reset();
            if let Some(told) = line.notices.pop_front() {
                self.count -= 1;
                self.bytes -= told.bytes;
            }
            now
        } else {
            let first = line.notices.front().map(|first| first.number);
            self.waiting.extend(first.map(|number| (number, Arc::clone(app))));
            now + line.backoff.failed()
        };
        if line.notices.is_empty() {
            self.apps.remove(app);
        } else {
            self.ready.insert((due, Arc::clone(app)));
        }
    }

    /// Everything that waits for another try may be sent now.
    pub fn hurry(&mut self, now: Nanos) {
        self.apps.values_mut().for_each(|line| line.backoff.reset());
        let ready = std::mem::take(&mut self.ready);
        self.ready = ready.into_iter().map(|(due, app)| (due.min(now), app)).collect();
    }

    /// When `next` may have something to send; `None` = not before something is pushed or answered.
    #[must_use]
    pub fn due(&self) -> Option<Nanos> {
        let (due, _) = self.ready.first().filter(|_| self.in_flight < self.bounds.in_flight)?;
        Some(*due)
    }

    /// How many are to be told, those under way included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// There is nothing to tell.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// False if everything is under way.
    fn drop_oldest(&mut self) -> bool {
        let Some((_, app)) = self.waiting.pop_first() else { return false };
        let Some(line) = self.apps.get_mut(&app) else { return false };
        // An app whose last notice goes is kept until its next try would be due, for its back-off's sake.
        if let Some(oldest) = line.notices.remove(usize::from(line.in_flight)) {
            self.count -= 1;
            self.bytes -= oldest.bytes;
        }
        true
    }
}

#[cfg(test)]
#[path = "notify_tests.rs"]
mod tests;
