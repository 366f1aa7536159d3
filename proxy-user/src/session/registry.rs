//! All live sessions of the process.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{App, Counts, Session};
use crate::core::stall::Watch;
use crate::core::time::Nanos;

/// A session and what the sweep remembers of its two legs.
#[derive(Debug)]
pub struct Watched {
    /// The session.
    pub session: Arc<Session>,
    /// The sweep's memory of the client leg.
    pub client: Watch,
    /// The sweep's memory of the app leg.
    pub upstream: Watch,
    /// Since when a Close has gone by and nothing is on its way; `None` = not so.
    pub closing: Option<Nanos>,
}

/// The live sessions, by id.
#[derive(Debug, Default)]
pub struct Registry {
    next: AtomicU64,
    live: Mutex<BTreeMap<u64, Watched>>,
}

impl Registry {
    /// An id that no session had before.
    pub fn next_id(&self) -> u64 {
        self.next.fetch_add(1, Relaxed) + 1
    }

    /// Adds a session that has both its legs.
    pub fn insert(&self, session: Arc<Session>) {
        session.app.opened.fetch_add(1, Relaxed);
        session.app.live.fetch_add(1, Relaxed);
        let (client, upstream) = (Watch::default(), Watch::default());
        self.live().insert(session.id, Watched { session, client, upstream, closing: None });
    }

    /// Removes a session; its app keeps its counts.
    pub fn remove(&self, session: &Session) {
        // One lock for both steps, so that no reader misses or doubles a session.
        let mut live = self.live();
        if live.remove(&session.id).is_some() {
            session.app.absorb(session);
            session.app.live.fetch_sub(1, Relaxed);
        }
    }

    /// Shows every live session, in order of opening.
    pub fn each(&self, mut show: impl FnMut(&Watched)) {
        self.live().values().for_each(&mut show);
    }

    /// The same for the sweep, which writes down what it saw of each.
    pub fn sweep(&self, mut look: impl FnMut(&mut Watched)) {
        self.live().values_mut().for_each(&mut look);
    }

    /// Shows every live session of `apps`, each with its app's index.
    pub fn each_by_app(&self, apps: &[Arc<App>], show: impl FnMut(usize, &Session)) {
        by_app(&self.live(), apps, show);
    }

    /// Input and output of each of `apps` over all sessions so far, over and alive.
    pub fn counts(&self, apps: &[Arc<App>]) -> Vec<(Counts, Counts)> {
        let live = self.live();
        let mut counts: Vec<_> = apps.iter().map(|app| app.past()).collect();
        by_app(&live, apps, |at, session| {
            counts[at].0 += session.client.frames.read();
            counts[at].1 += session.upstream.frames.read();
        });
        counts
    }

    /// How many sessions live.
    pub fn len(&self) -> usize {
        self.live().len()
    }

    /// No session lives.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn live(&self) -> MutexGuard<'_, BTreeMap<u64, Watched>> {
        // A panic elsewhere leaves the map whole.
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn by_app(live: &BTreeMap<u64, Watched>, apps: &[Arc<App>], mut show: impl FnMut(usize, &Session)) {
    let index: HashMap<_, _> =
        apps.iter().enumerate().map(|(at, app)| (Arc::as_ptr(app), at)).collect();
    for watched in live.values() {
        if let Some(&at) = index.get(&Arc::as_ptr(&watched.session.app)) {
            show(at, &watched.session);
        }
    }
}
