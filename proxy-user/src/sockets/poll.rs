//! The polled writer: fills rows in the process's own memory from `TCP_INFO` and `SIOCOUTQ`.
//!
//! It asks only for the legs that are registered with it, and a descriptor is never asked after its
//! leg was released: entries are used and removed under the same lock. The legs lie in shards with a
//! lock each, so that a release waits for the questions to one shard and never for a whole sweep.

use std::{
    array,
    os::fd::{AsRawFd, BorrowedFd, RawFd},
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use proxy_common::Row;

use super::{
    table::AtomicRow,
    tcp_info::{self, Account},
};
use crate::core::{stall::TcpState, time::Nanos};

/// Legs per lock: about 100 µs of system calls.
const SHARD: usize = 64;

struct Entry {
    fd: RawFd,
    row: Arc<AtomicRow>,
}

type Shard = Mutex<[Option<Entry>; SHARD]>;

/// Where an entry lies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    shard: usize,
    slot: usize,
}

/// The polled legs. Grows with them and keeps its size.
#[derive(Default)]
pub(super) struct Polled {
    shards: RwLock<Vec<Arc<Shard>>>,
    free: Mutex<Vec<Place>>,
}

impl Polled {
    /// Registers a socket whose figures were just read; the row that `refresh` will write from now on.
    pub(super) fn add(
        &self,
        fd: BorrowedFd<'_>,
        cookie: u64,
        account: &Account,
    ) -> (Place, Arc<AtomicRow>) {
        let row = Arc::new(AtomicRow::default());
        row.store(&Row { cookie, ..as_row(account) });
        let entry = Entry { fd: fd.as_raw_fd(), row: Arc::clone(&row) };
        let place = self.take_place();
        self.with_slot(place, |slot| *slot = Some(entry));
        (place, row)
    }

    /// Forgets a socket. When this returns its descriptor is no longer used here.
    pub(super) fn remove(&self, place: Place) {
        self.with_slot(place, |slot| *slot = None);
        self.free.lock().unwrap_or_else(PoisonError::into_inner).push(place);
    }

    /// Asks every registered socket and writes its row. `now` is when the sweep looks.
    pub(super) fn refresh(&self, now: Nanos) {
        for index in 0.. {
            let Some(shard) = self.shard(index) else { return };
            let entries = shard.lock().unwrap_or_else(PoisonError::into_inner);
            for entry in entries.iter().flatten() {
                // SAFETY: `Leg::release` removes the entry under this lock before the caller closes
                // the descriptor, so it is open here.
                let fd = unsafe { BorrowedFd::borrow_raw(entry.fd) };
                write(&entry.row, tcp_info::account(fd).ok(), now);
            }
        }
    }

    /// How many legs are registered.
    pub(super) fn held(&self) -> usize {
        let places = self.shards.read().unwrap_or_else(PoisonError::into_inner).len() * SHARD;
        places - self.free.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn shard(&self, index: usize) -> Option<Arc<Shard>> {
        self.shards.read().unwrap_or_else(PoisonError::into_inner).get(index).cloned()
    }

    fn take_place(&self) -> Place {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = free.pop() {
            return place;
        }
        let mut shards = self.shards.write().unwrap_or_else(PoisonError::into_inner);
        let shard = shards.len();
        shards.push(Arc::new(Mutex::new(array::from_fn(|_| None))));
        free.extend((1..SHARD).rev().map(|slot| Place { shard, slot }));
        Place { shard, slot: 0 }
    }

    fn with_slot(&self, place: Place, change: impl FnOnce(&mut Option<Entry>)) {
        if let Some(shard) = self.shard(place.shard) {
            let mut entries = shard.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(slot) = entries.get_mut(place.slot) {
                change(slot);
            }
        }
    }
}

/// Brings a row up to date. A descriptor that gave no answer has no connection.
fn write(row: &AtomicRow, account: Option<Account>, now: Nanos) {
    let old = row.load();
    let new = match account {
        Some(account) => {
            let grown = account.acked > old.bytes_acked;
            Row {
                cookie: old.cookie,
                progress_ns: if grown { now.0 } else { old.progress_ns },
                event_ns: now.0,
                ..as_row(&account)
            }
        }
        None => Row { state: TcpState::Close as u32, event_ns: now.0, ..old },
    };
    row.store(&new);
}

fn as_row(account: &Account) -> Row {
    Row {
        bytes_acked: account.acked,
        bytes_received: account.received,
        queued: account.queued,
        snd_wnd: account.window,
        srtt_us: account.srtt_us,
        retransmits: account.retransmits,
        timeouts: account.timeouts,
        state: account.state,
        ..Row::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_when_acks_grew_and_a_lost_descriptor_is_closed() {
        let row = AtomicRow::default();
        let account = Account { acked: 10, state: 1, ..Account::default() };
        row.store(&Row { cookie: 7, ..as_row(&account) });
        write(&row, Some(account), Nanos(5));
        assert_eq!((row.load().progress_ns, row.load().event_ns), (0, 5));
        write(&row, Some(Account { acked: 11, ..account }), Nanos(6));
        write(&row, Some(Account { acked: 11, ..account }), Nanos(7));
        assert_eq!((row.load().progress_ns, row.load().event_ns), (6, 7));
        write(&row, None, Nanos(8));
        let last = row.load();
        assert_eq!((last.cookie, last.bytes_acked, last.state), (7, 11, 7));
    }
}
