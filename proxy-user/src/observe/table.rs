//! The sockets that are watched, and the sweep over them.
//!
//! `core` judges the figures; queries and destruction go through `lists`.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::lists::{Answer, Lists, Namespace};
use crate::core::observe::{self, Act, Standing};
use crate::core::stall::{Sample, StallVerdict, TcpState, Watch};
use crate::core::time::Nanos;
use crate::sockets::diag::{Entry, SocketId};
use crate::sockets::{ForeignLeg, ForeignSockets};

/// There is no other leg that still has to take what a peer sent before it closed.
const PASSING: bool = false;

/// The cgroup's members are looked up and all sockets are listed at least this often, to find sockets that
/// were not announced and those that are gone.
const LIST_EVERY: Duration = Duration::from_secs(10);
/// How long an announced socket is kept that neither callbacks nor lists show, normally and if some lists
/// are not available.
const UNSEEN: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(60));
/// How many lists in a row must lack a socket before it counts as gone: the kernel may skip one when its
/// neighbour in the hash table closes while a long list is written.
const MISSING: u8 = 2;

/// One watched socket.
#[derive(Debug)]
pub(super) struct WatchedSocket {
    pub(super) leg: ForeignLeg,
    /// Where it was seen in a list; `None` = not yet.
    pub(super) seen: Option<(Namespace, SocketId)>,
    pub(super) opened: Nanos,
    /// The verdict that was logged last.
    pub(super) told: StallVerdict,
    announced: bool,
    pub(super) watch: Watch,
    /// Bytes acknowledged before it was watched.
    base: u64,
    /// How many lists in a row did not show it.
    missing: u8,
}

/// Sums over sockets.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Totals {
    pub(super) sockets: u64,
    pub(super) acked: u64,
    pub(super) retransmits: u64,
}

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) sockets: ForeignSockets,
    pub(super) legs: HashMap<u64, WatchedSocket>,
    /// Sums over the sockets that are gone.
    pub(super) gone: Totals,
    /// Sockets destroyed, in the order of `core::observe::REASONS`.
    pub(super) reaped: [u64; observe::REASONS.len()],
    grace: Duration,
    pub(super) reap: bool,
    lists: Lists,
    /// Sockets on the ports that do not belong to the cgroup.
    strangers: HashSet<u64>,
    /// When the cgroup's members were last looked up.
    refreshed: Option<Nanos>,
    /// Whether new connections are announced; if not, every sweep lists.
    announced: bool,
    /// Whether a refusal to destroy has been logged.
    refused: bool,
}

impl WatchedSocket {
    /// Bytes acknowledged since it was first watched.
    pub(super) fn acked(&self) -> u64 {
        self.leg.sample().acked.saturating_sub(self.base)
    }

    fn must_be_asked(&self) -> bool {
        let callbacks = self.leg.has_row() && (self.announced || self.leg.has_callbacks());
        let standing = Standing { callbacks, asked: self.leg.was_asked(), told: self.told };
        standing.must_ask(&self.leg.sample())
    }

    /// Whether there is any data about it; until then its sample is empty.
    pub(super) fn is_known(&self) -> bool {
        self.leg.was_asked() || self.leg.has_callbacks()
    }

    fn is_closed(&self) -> bool {
        self.is_known() && self.leg.sample().state == TcpState::Close
    }
}

impl Table {
    pub(super) fn new(sockets: ForeignSockets, lists: Lists, grace: Duration, reap: bool) -> Table {
        Table {
            sockets,
            legs: HashMap::new(),
            gone: Totals::default(),
            reaped: [0; observe::REASONS.len()],
            grace,
            reap,
            lists,
            strangers: HashSet::new(),
            refreshed: None,
            announced: false,
            refused: false,
        }
    }

    /// Sets whether new connections are announced. Until then, every sweep lists.
    pub(super) fn set_announced(&mut self, announced: bool) {
        self.announced = announced;
    }

    /// Adds an announced connection, for which the kernel calls back.
    pub(super) fn announce(&mut self, cookie: u64, now: Nanos) {
        self.watch(cookie, now).announced = true;
    }

    fn watch(&mut self, cookie: u64, now: Nanos) -> &mut WatchedSocket {
        let sockets = &self.sockets;
        self.legs.entry(cookie).or_insert_with(|| WatchedSocket {
            leg: sockets.watch(cookie),
            seen: None,
            opened: now,
            told: StallVerdict::Fine,
            announced: false,
            watch: Watch::default(),
            base: 0,
            missing: 0,
        })
    }

    /// Checks all sockets: at most one list per address family and namespace, and one query for each socket
    /// whose verdict changes.
    pub(super) fn sweep(&mut self, now: Nanos) {
        self.forget(WatchedSocket::is_closed);
        let due = self.refreshed.is_none_or(|refreshed| now.since(refreshed) >= LIST_EVERY);
        if due {
            self.lists.refresh();
            self.refreshed = Some(now);
        }
        if due || !self.announced || self.legs.values().any(WatchedSocket::must_be_asked) {
            self.list(now);
        }
        self.judge(now);
    }

    fn list(&mut self, now: Nanos) {
        let (mut unknown, mut strange) = (Vec::new(), false);
        let (legs, strangers) = (&mut self.legs, &self.strangers);
        legs.values_mut().for_each(|watched| watched.missing = watched.missing.saturating_add(1));
        let whole = self.lists.all(|namespace, entry| match legs.get_mut(&entry.id.cookie()) {
            Some(watched) => watched.found(namespace, &entry, now),
            None => {
                strange |= !strangers.contains(&entry.id.cookie());
                unknown.push((namespace, entry));
            }
        });
        let unseen = self.legs.values().any(|watched| watched.seen.is_none());
        // An unknown socket: the cgroup may have new members, in namespaces that were not listed.
        if strange || unseen {
            self.lists.refresh();
        }
        self.strangers.clear();
        for (namespace, entry) in unknown {
            if self.lists.belongs(&entry) {
                self.adopt(namespace, &entry, now);
            // A socket that has not been accepted yet may still get an owner.
            } else if entry.inode != 0 {
                self.strangers.insert(entry.id.cookie());
            }
        }
        if whole {
            let closed = self.lists.has_closed();
            self.forget(|watched| watched.is_lost(now, closed));
        }
    }

    /// Adds a socket that was open before the programs were attached.
    fn adopt(&mut self, namespace: Namespace, entry: &Entry, now: Nanos) {
        let watched = self.watch(entry.id.cookie(), now);
        watched.found(namespace, entry, now);
        watched.base = watched.leg.sample().acked;
        tracing::debug!(peer = %entry.id.peer(), "a connection that was open before is watched");
    }

    fn judge(&mut self, now: Nanos) {
        let mut gone = Vec::new();
        let known = self.legs.iter_mut().filter(|(_, watched)| watched.is_known());
        for (cookie, watched) in known {
            let mut sample = watched.leg.sample();
            let mut verdict = watched.watch.look(&sample, PASSING, now, self.grace);
            let mut confirmed = false;
            let turns = watched.told == StallVerdict::Fine || self.reap;
            if let (true, true, Some((namespace, id))) =
                (verdict != StallVerdict::Fine, turns, &watched.seen)
            {
                // A row can miss progress, so the socket itself is queried before a verdict.
                match self.lists.ask(*namespace, id) {
                    Answer::Socket(entry) => {
                        watched.leg.learn(&entry, now);
                        sample = watched.leg.sample();
                        verdict = watched.watch.look(&sample, PASSING, now, self.grace);
                        confirmed = true;
                    }
                    Answer::Gone => {
                        gone.push(*cookie);
                        continue;
                    }
                    Answer::Unknown => {}
                }
            }
            match observe::act(watched.told, verdict, &sample, confirmed, self.reap) {
                Act::Nothing => continue,
                Act::Tell => {}
                Act::Destroy => {
                    let Some((namespace, id)) = &watched.seen else { continue };
                    match self.lists.destroy(*namespace, id) {
                        Ok(destroyed) => {
                            gone.push(*cookie);
                            if destroyed {
                                count(&mut self.reaped, verdict);
                                watched.tell("reaped", verdict, &sample, now);
                            }
                            continue;
                        }
                        Err(error) if !self.refused => {
                            self.refused = true;
                            tracing::error!(%error, "a stalled socket cannot be destroyed");
                        }
                        Err(_) => {}
                    }
                }
            }
            if verdict != watched.told {
                let message = if verdict == StallVerdict::Fine { "moves again" } else { "stalled" };
                watched.tell(message, verdict, &sample, now);
                watched.told = verdict;
            }
        }
        self.forget_all(&gone);
    }

    fn forget(&mut self, which: impl Fn(&WatchedSocket) -> bool) {
        let legs = self.legs.iter();
        let cookies: Vec<u64> =
            legs.filter(|(_, watched)| which(watched)).map(|(cookie, _)| *cookie).collect();
        self.forget_all(&cookies);
    }

    fn forget_all(&mut self, cookies: &[u64]) {
        for watched in cookies.iter().filter_map(|cookie| self.legs.remove(cookie)) {
            self.gone.sockets += 1;
            self.gone.acked += watched.acked();
            self.gone.retransmits += u64::from(watched.leg.sample().retransmits);
        }
    }
}

impl WatchedSocket {
    fn found(&mut self, namespace: Namespace, entry: &Entry, now: Nanos) {
        self.leg.learn(entry, now);
        self.seen = Some((namespace, entry.id));
        self.missing = 0;
    }

    /// Whether the latest list shows that it is gone.
    fn is_lost(&self, now: Nanos, some_are_closed: bool) -> bool {
        if self.seen.is_some() {
            return self.missing >= MISSING;
        }
        // It was announced, and closed before it had a row.
        let patience = if some_are_closed { UNSEEN.1 } else { UNSEEN.0 };
        !self.leg.has_callbacks() && now.since(self.opened) >= patience
    }

    fn tell(&self, message: &'static str, verdict: StallVerdict, sample: &Sample, now: Nanos) {
        let seen = self.seen.as_ref();
        tracing::info!(
            reason = observe::reason(verdict).unwrap_or("none"),
            cause = sample.cause(),
            peer = seen.map(|(_, id)| id.peer().to_string()),
            port = seen.map(|(_, id)| id.local_port()),
            state = sample.state.as_str(),
            queued_bytes = sample.queued,
            send_window = sample.window,
            timeouts = sample.timeouts,
            // 0 = no progress was ever seen.
            seconds_since_progress =
                (sample.progress.0 != 0).then(|| now.since(sample.progress).as_secs_f64()),
            "{message}"
        );
    }
}

fn count(reaped: &mut [u64; observe::REASONS.len()], verdict: StallVerdict) {
    let reason = observe::reason(verdict);
    for (count, _) in reaped.iter_mut().zip(observe::REASONS).filter(|(_, r)| Some(*r) == reason) {
        *count += 1;
    }
}
