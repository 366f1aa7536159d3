//! All live sessions of the process, in the order of their positions in the socket table.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::{App, Counts, Session};
use crate::core::keepalive::Pulse;
use crate::core::side::PerSide;
use crate::core::stall::Watch;
use crate::core::time::Nanos;
use crate::sockets::{PAIRS, Sockets, View};
use parking_lot::{Mutex, MutexGuard};

/// What the sweep remembers about a session.
#[derive(Clone, Copy, Debug, Default)]
pub struct Watches {
    /// State of each leg.
    pub legs: PerSide<Watch>,
    /// Since when a Close has been seen and nothing is in flight; `Nanos(0)` = not the case.
    pub closing: Nanos,
}

impl Watches {
    /// Whether there is nothing to remember.
    #[must_use]
    pub fn at_rest(&self) -> bool {
        self.legs.client.at_rest() && self.legs.app.at_rest() && self.closing == Nanos(0)
    }
}

/// A session and what the sweep remembers about it.
#[derive(Clone, Copy, Debug)]
pub struct WatchedSession<'a> {
    /// The session.
    pub session: &'a Arc<Session>,
    /// The sweep's state.
    pub watches: Watches,
}

/// A session as the sweep sees it.
#[derive(Debug)]
pub struct Look<'a> {
    /// Each leg.
    pub legs: PerSide<View<'a>>,
    /// The views are not enough: the session itself must be read.
    pub noted: bool,
    /// The watches hold some state.
    pub waiting: bool,
    /// The index of the pair, unique among live sessions.
    pub place: usize,
    /// Keepalive state of each leg.
    pub pulses: &'a mut PerSide<Pulse>,
    /// The sweep's state.
    pub watches: &'a mut Watches,
    session: &'a Option<Arc<Session>>,
}

impl<'a> Look<'a> {
    /// Whether nothing is queued, no state is held, and the views tell everything.
    #[must_use]
    #[inline]
    pub fn at_rest(&self) -> bool {
        !self.noted && !self.waiting && self.legs.client.at_rest() && self.legs.app.at_rest()
    }

    /// The session, which is in a different place in memory.
    #[must_use]
    pub fn session(&self) -> Option<&'a Arc<Session>> {
        self.session.as_ref()
    }
}

/// The live sessions.
#[derive(Debug, Default)]
pub struct Registry {
    next: AtomicU64,
    live: Mutex<Live>,
}

/// Parallel to the pairs of the socket table.
#[derive(Debug, Default)]
struct Live {
    count: usize,
    sessions: Vec<Option<Arc<Session>>>,
    /// One block for 64 pairs; `None` if no pair in the block is waiting.
    watches: Vec<Option<Box<[Watches; PAIRS]>>>,
    pulses: Vec<PerSide<Pulse>>,
    /// One bit for each pair that has a session.
    taken: Vec<u64>,
    /// One bit for each pair whose watches hold some state.
    waiting: Vec<u64>,
}

impl Registry {
    /// An id that has not been used before.
    pub fn next_id(&self) -> u64 {
        self.next.fetch_add(1, Relaxed) + 1
    }

    /// Adds a session whose legs were registered as a pair.
    pub fn insert(&self, session: Arc<Session>) {
        debug_assert_eq!(session.legs.client.socket.pair(), session.legs.app.socket.pair());
        session.app.opened.fetch_add(1, Relaxed);
        session.app.live.fetch_add(1, Relaxed);
        self.live().insert(session);
    }

    /// Removes a session; its app keeps the counts. Call this before releasing the legs, because that makes
    /// their position available to the next session.
    pub fn remove(&self, session: &Session) {
        // One lock for both steps, so that a reader never misses a session or sees it twice.
        let mut live = self.live();
        if live.remove(session) {
            session.app.absorb(session);
            session.app.live.fetch_sub(1, Relaxed);
        }
    }

    /// Visits every live session, in order of opening.
    pub fn each(&self, mut show: impl FnMut(WatchedSession<'_>)) {
        let live = self.live();
        let watched = live.sessions.iter().enumerate().filter_map(|(at, session)| {
            let session = session.as_ref()?;
            let (block, bit) = (at / PAIRS, at % PAIRS);
            let kept = live.watches[block].as_ref().filter(|_| live.waiting[block] >> bit & 1 == 1);
            let watches = kept.map(|watches| watches[bit]).unwrap_or_default();
            Some(WatchedSession { session, watches })
        });
        let mut watched: Vec<_> = watched.collect();
        watched.sort_unstable_by_key(|watched| watched.session.id);
        watched.into_iter().for_each(&mut show);
    }

    /// The live session with this id.
    #[must_use]
    pub fn find(&self, id: u64) -> Option<Arc<Session>> {
        self.live().sessions.iter().flatten().find(|session| session.id == id).cloned()
    }

    /// Visits every live session, in memory order. `look` returns whether the watches now hold some state.
    /// `sockets` is the table in which all legs are registered.
    pub fn sweep(&self, sockets: &Sockets, mut look: impl FnMut(Look<'_>) -> bool) {
        let live = &mut *self.live();
        if live.count == 0 {
            // Do not keep the memory of the peak when there are no sessions.
            *live = Live::default();
        }
        let blocks = live.taken.iter().zip(&mut live.waiting).zip(&mut live.watches).enumerate();
        // Shared by all pairs that are not waiting: a pair at rest has no state (`Watch::at_rest`).
        let mut fresh = Watches::default();
        for (number, ((&taken, waiting), watches)) in blocks {
            let Some(views) = sockets.views(number).filter(|_| taken != 0) else { continue };
            let (noted, waited) = (views.noted(), *waiting);
            let mut left = taken;
            while left != 0 {
                let bit = left.trailing_zeros() as usize;
                left &= left - 1;
                let at = number * PAIRS + bit;
                let Some(legs) = views.pair(bit) else { continue };
                let waiting_before = waited >> bit & 1 == 1;
                let kept = watches.as_mut().filter(|_| waiting_before);
                let waits = look(Look {
                    legs,
                    noted: noted >> bit & 1 == 1,
                    waiting: waiting_before,
                    place: at,
                    pulses: &mut live.pulses[at],
                    watches: kept.map_or(&mut fresh, |kept| &mut kept[bit]),
                    session: &live.sessions[at],
                });
                if waits && !waiting_before {
                    let kept = watches.get_or_insert_with(|| Box::new([Watches::default(); PAIRS]));
                    kept[bit] = std::mem::take(&mut fresh);
                }
                *waiting = *waiting & !(1 << bit) | u64::from(waits) << bit;
            }
            if *waiting == 0 {
                *watches = None;
            }
        }
    }

    /// Visits every live session of `apps`, with the index of its app.
    pub fn each_by_app(&self, apps: &[Arc<App>], show: impl FnMut(usize, &Session)) {
        by_app(&self.live(), apps, show);
    }

    /// What came from each side for each of `apps`, over all sessions, ended and live.
    pub fn counts(&self, apps: &[Arc<App>]) -> Vec<PerSide<Counts>> {
        let live = self.live();
        let mut counts: Vec<_> = apps.iter().map(|app| app.past()).collect();
        by_app(&live, apps, |at, session| {
            counts[at].client += session.legs.client.frames.read();
            counts[at].app += session.legs.app.frames.read();
        });
        counts
    }

    /// The number of live sessions.
    pub fn len(&self) -> usize {
        self.live().count
    }

    /// Whether there are no live sessions.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn live(&self) -> MutexGuard<'_, Live> {
        self.live.lock()
    }
}

impl Live {
    fn insert(&mut self, session: Arc<Session>) {
        let at = session.legs.client.socket.pair();
        if self.sessions.len() <= at {
            let blocks = at / PAIRS + 1;
            self.sessions.resize(blocks * PAIRS, None);
            self.watches.resize(blocks, None);
            self.pulses.resize(blocks * PAIRS, Default::default());
            self.taken.resize(blocks, 0);
            self.waiting.resize(blocks, 0);
        }
        let (block, bit) = (at / PAIRS, 1 << (at % PAIRS));
        self.taken[block] |= bit;
        self.waiting[block] &= !bit;
        self.pulses[at] = Default::default();
        self.count += usize::from(self.sessions[at].replace(session).is_none());
    }

    fn remove(&mut self, session: &Session) -> bool {
        let at = session.legs.client.socket.pair();
        let Some(place) = self.sessions.get_mut(at) else { return false };
        if place.take_if(|other| other.id == session.id).is_none() {
            return false;
        }
        let (block, bit) = (at / PAIRS, 1 << (at % PAIRS));
        self.taken[block] &= !bit;
        self.waiting[block] &= !bit;
        if self.waiting[block] == 0 {
            self.watches[block] = None;
        }
        self.count -= 1;
        true
    }
}

fn by_app(live: &Live, apps: &[Arc<App>], mut show: impl FnMut(usize, &Session)) {
    let index: HashMap<_, _> =
        apps.iter().enumerate().map(|(at, app)| (Arc::as_ptr(app), at)).collect();
    for session in live.sessions.iter().flatten() {
        if let Some(&at) = index.get(&Arc::as_ptr(&session.app)) {
            show(at, session);
        }
    }
}
