//! One registered socket: its row, what the process itself knows of it, and the two taken together.
//!
//! Call `add_written` and `add_read` from the one task that moves the socket's bytes, `sample` from
//! anywhere, and `release` before the descriptor is closed. A leg that is dropped releases itself.

use std::{
    io,
    os::fd::{AsRawFd, BorrowedFd, RawFd},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{
            AtomicBool, AtomicU64,
            Ordering::{AcqRel, Acquire, Relaxed, Release},
        },
    },
};

use proxy_common::Row;

use super::{
    Source,
    ebpf::Kernel,
    poll::{Place, Polled},
    table::{AtomicRow, tcp_state},
    tcp_info::{self, Account},
};
use crate::core::{
    stall::{Sample, TcpState},
    time::Nanos,
};

/// Where a leg's row lies and whom it goes back to.
pub(super) enum Lease {
    /// A row of the kernel's table.
    Kernel { kernel: Arc<Kernel>, index: u32 },
    /// A row that the process polls for.
    Polled { polled: Arc<Polled>, place: Place, row: Arc<AtomicRow> },
}

/// One registered socket. See the module's text for the order of calls.
pub struct Leg {
    lease: Lease,
    cookie: u64,
    /// The descriptor's number, until the leg is released.
    fd: Mutex<Option<RawFd>>,
    /// The socket when it was registered. Acks before the kernel could see the leg are in here, acks
    /// after it in the row, so the larger of the two figures is the true one.
    base: Account,
    /// Bytes that the socket took since.
    written: AtomicU64,
    /// Bytes that came from the socket since.
    read: AtomicU64,
    /// Acked bytes that the process knows of whatever the row says: the baseline's, then any that
    /// `confirm` found, and the last figure once the row is given back.
    acked: AtomicU64,
    /// When `acked` was found to have grown.
    progress: AtomicU64,
    released: AtomicBool,
}

impl Leg {
    pub(super) fn new(lease: Lease, fd: BorrowedFd<'_>, cookie: u64, base: Account) -> Leg {
        Leg {
            lease,
            cookie,
            fd: Mutex::new(Some(fd.as_raw_fd())),
            base,
            written: AtomicU64::new(0),
            read: AtomicU64::new(0),
            acked: AtomicU64::new(base.acked),
            progress: AtomicU64::new(0),
            released: AtomicBool::new(false),
        }
    }

    /// The same leg with the figures of its socket at registration.
    pub(super) fn with_base(mut self, base: Account) -> Leg {
        self.base = base;
        self.acked = AtomicU64::new(base.acked);
        self
    }

    /// Who writes this leg's row: `TcpInfo` also for a leg that found the kernel table full.
    #[must_use]
    pub fn source(&self) -> Source {
        match self.lease {
            Lease::Kernel { .. } => Source::Ebpf,
            Lease::Polled { .. } => Source::TcpInfo,
        }
    }

    /// Counts bytes that the socket accepted: what `write` returned, so below TLS where there is TLS.
    /// One task only.
    pub fn add_written(&self, bytes: u64) {
        add(&self.written, bytes);
    }

    /// Counts bytes that came from the socket: what `read` returned, so below TLS where there is TLS.
    /// One task only.
    pub fn add_read(&self, bytes: u64) {
        add(&self.read, bytes);
    }

    /// The leg as its row and the process's own counts show it. No system call.
    ///
    /// After `release` the state is `Close` and the counts are the last ones.
    #[must_use]
    pub fn sample(&self) -> Sample {
        // The order matters: `release` saves the row's figures before it sets the flag.
        let released = self.released.load(Acquire);
        let row = if released { Row::default() } else { self.row() };
        let (acked, progress) = self.known(&row);
        let read = self.base.received.saturating_add(self.read.load(Relaxed));
        let (state, window, rtt_us, retransmits, timeouts) = if row.event_ns == 0 {
            let base = &self.base;
            (base.state, base.window, base.srtt_us, base.retransmits, base.timeouts)
        } else {
            (row.state, row.snd_wnd, row.srtt_us, row.retransmits, row.timeouts)
        };
        Sample {
            state: if released { TcpState::Close } else { tcp_state(state) },
            acked,
            received: read.max(row.bytes_received),
            queued: self.sent(&row).saturating_sub(acked),
            progress,
            window,
            rtt_us,
            retransmits,
            timeouts,
        }
    }

    /// Asks the socket itself, in two system calls. Meant for the one leg that is about to be reaped:
    /// the kernel calls back on round-trip samples, and an ack that gave none (RFC 6298's rule on
    /// retransmitted segments) moved the socket and not the row. What is found counts from then on.
    ///
    /// # Errors
    /// A descriptor that gives no answer, or a leg that was released.
    pub fn confirm(&self, now: Nanos) -> io::Result<Sample> {
        let account = {
            let fd = self.fd.lock().unwrap_or_else(PoisonError::into_inner);
            let number = fd.ok_or(io::ErrorKind::NotConnected)?;
            // SAFETY: the number is the registered descriptor's, which its owner closes only after
            // `release` has taken the number away, and `release` waits for this lock.
            tcp_info::account(unsafe { BorrowedFd::borrow_raw(number) })?
        };
        let (acked, progress) = self.known(&self.row());
        if account.acked > acked {
            // The bytes were acknowledged when an acknowledgement came last, or earlier.
            let ago = u64::from(account.since_ack_ms) * 1_000_000;
            let latest = Nanos(now.0.saturating_sub(ago));
            self.save(account.acked, latest.max(progress));
        }
        let known = self.sample();
        Ok(Sample {
            state: tcp_state(account.state),
            received: known.received.max(account.received),
            queued: u64::from(account.queued),
            window: account.window,
            rtt_us: account.srtt_us,
            retransmits: account.retransmits,
            timeouts: account.timeouts,
            ..known
        })
    }

    /// Gives the row back; later calls do nothing. Must return before the descriptor is closed: until
    /// then the polled writer may ask that number.
    pub fn release(&self) {
        // Saved before the row goes: totals never go down. A second release finds no row and saves
        // what is saved already.
        let (acked, progress) = self.known(&self.row());
        self.save(acked, progress);
        if self.released.swap(true, AcqRel) {
            return;
        }
        *self.fd.lock().unwrap_or_else(PoisonError::into_inner) = None;
        match &self.lease {
            Lease::Kernel { kernel, index } => kernel.give_back(self.cookie, *index),
            Lease::Polled { polled, place, .. } => polled.remove(*place),
        }
    }

    /// Bytes acked and when that last grew, by whichever knows more.
    fn known(&self, row: &Row) -> (u64, Nanos) {
        let acked = self.acked.load(Acquire);
        if row.bytes_acked > acked {
            (row.bytes_acked, Nanos(row.progress_ns))
        } else {
            (acked, Nanos(self.progress.load(Relaxed)))
        }
    }

    /// Keeps a count and its time; whoever sees the count sees the time.
    fn save(&self, acked: u64, progress: Nanos) {
        self.progress.store(progress.0, Relaxed);
        self.acked.fetch_max(acked, Release);
    }

    /// Bytes handed to the socket over its life, counted as acks are. The row's own queue is stale
    /// once everything was acked before a further write (no callback follows a write), so the
    /// process's count decides; the row's sum is never too large and covers what was not counted.
    fn sent(&self, row: &Row) -> u64 {
        let counted = self
            .base
            .acked
            .saturating_add(u64::from(self.base.queued))
            .saturating_add(self.written.load(Relaxed));
        counted.max(row.bytes_acked.saturating_add(u64::from(row.queued)))
    }

    /// The row, or an empty one when it is no longer this leg's.
    fn row(&self) -> Row {
        let row = match &self.lease {
            Lease::Kernel { kernel, index } => kernel.row(*index).map(AtomicRow::load),
            Lease::Polled { row, .. } => Some(row.load()),
        };
        row.filter(|row| row.cookie == self.cookie).unwrap_or_default()
    }
}

impl Drop for Leg {
    fn drop(&mut self) {
        self.release();
    }
}

impl std::fmt::Debug for Leg {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Leg").field("source", &self.source()).finish_non_exhaustive()
    }
}

/// Adds to a counter that one task writes: a load and a store, no locked instruction.
fn add(counter: &AtomicU64, bytes: u64) {
    counter.store(counter.load(Relaxed).wrapping_add(bytes), Relaxed);
}
