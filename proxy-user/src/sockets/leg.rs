//! One registered socket, from its registration to its release.
//!
//! Call `add_written` and `add_read` only from the thread that moves the socket's bytes, `sample` from
//! anywhere, and `release` before closing the descriptor. Dropping a leg releases it.

use std::{
    io,
    os::fd::{AsRawFd, BorrowedFd},
    sync::{
        Arc, OnceLock,
        atomic::{Ordering::Acquire, fence},
    },
};

use aya::maps::MapError;
use proxy_common::Row;

use super::{
    Source, poll,
    row::{AtomicRow, tcp_state},
    table::{Block, LegIndex},
    tcp_info::{self, Account},
    view,
};
use crate::core::{
    stall::{Sample, TcpState},
    time::Nanos,
};

/// One registered socket. See the module's documentation for the order of calls.
pub struct RegisteredSocket {
    block: Arc<Block>,
    place: LegIndex,
    source: Source,
    cookie: u64,
    base: Base,
    /// Its last sample, taken when it was released.
    last: OnceLock<Box<Sample>>,
}

/// The socket's values at registration: all that is known until the kernel's first callback. Byte counts are
/// kept in the block.
#[derive(Clone, Copy, Default)]
struct Base {
    window: u32,
    srtt_us: u32,
    retransmits: u32,
    timeouts: u8,
    state: u8,
}

const _: () = assert!(size_of::<RegisteredSocket>() <= 56, "there are two for each session");

impl RegisteredSocket {
    /// Registers a socket at its place, where the kernel finds it from then on. Its values have not been read
    /// yet: call `start` next.
    ///
    /// # Errors
    /// If the kernel refuses the entry; the place is then unchanged.
    pub(super) fn in_kernel(
        block: &Arc<Block>,
        place: LegIndex,
        fd: BorrowedFd<'_>,
        cookie: u64,
    ) -> Result<RegisteredSocket, MapError> {
        if let (Some(kernel), Ok(row)) = (&block.ledger.kernel, u32::try_from(place.row())) {
            kernel.enter(cookie, row)?;
        }
        Ok(RegisteredSocket::occupy(block, place, fd, cookie, Source::Ebpf))
    }

    /// The same for a socket that will be polled.
    pub(super) fn polled(
        block: &Arc<Block>,
        place: LegIndex,
        fd: BorrowedFd<'_>,
        cookie: u64,
    ) -> RegisteredSocket {
        RegisteredSocket::occupy(block, place, fd, cookie, Source::TcpInfo)
    }

    fn occupy(
        block: &Arc<Block>,
        place: LegIndex,
        fd: BorrowedFd<'_>,
        cookie: u64,
        source: Source,
    ) -> RegisteredSocket {
        let row = Row { cookie, ..Row::default() };
        block.occupy(place, fd.as_raw_fd(), (source == Source::TcpInfo).then_some(&row));
        let block = Arc::clone(block);
        RegisteredSocket {
            block,
            place,
            source,
            cookie,
            base: Base::default(),
            last: OnceLock::new(),
        }
    }

    /// Reads the socket's initial values. Called after the kernel can find the row, so that no ack falls in
    /// between.
    ///
    /// # Errors
    /// A descriptor that is not a TCP socket or cannot be queried.
    pub(super) fn start(mut self, fd: BorrowedFd<'_>) -> io::Result<RegisteredSocket> {
        let account = tcp_info::coherent(fd)?;
        self.base = Base::of(&account);
        self.block.moved(self.place).start(&account);
        if account.state != TcpState::Established as u32 {
            self.note();
        }
        if let Some(row) =
            self.block.polled_row(self.place).filter(|_| self.source == Source::TcpInfo)
        {
            let base = Row { cookie: self.cookie, ..poll::as_row(&account) };
            // Under the lock, so that a sweep that is polling does not mix its row with this one.
            self.block.with_descriptor(self.place, |_| row.store(&base));
        }
        Ok(self)
    }

    /// Who writes this leg's row: `TcpInfo` also if the kernel table was full.
    #[must_use]
    pub fn source(&self) -> Source {
        self.source
    }

    /// The index of its pair: the two legs of a session share one, and no other registered leg has it.
    #[must_use]
    pub fn pair(&self) -> usize {
        self.place.pair() as usize
    }

    /// Tells sweeps that the rows of this leg's pair do not tell everything.
    pub fn note(&self) {
        if self.last.get().is_none() {
            self.block.note(self.place);
        }
    }

    /// Counts bytes that the socket accepted, as returned by `write`; below TLS if there is TLS. Only call
    /// this from one thread.
    pub fn add_written(&self, bytes: u64) {
        if self.last.get().is_none() {
            self.block.moved(self.place).add_sent(bytes);
        }
    }

    /// Counts bytes that came from the socket, as returned by `read`; below TLS if there is TLS. Only call
    /// this from one thread.
    pub fn add_read(&self, bytes: u64) {
        if self.last.get().is_none() {
            self.block.moved(self.place).add_read(bytes);
        }
    }

    /// The leg according to its row and the process's own counts. No system call.
    ///
    /// After `release` the state is `Close`, and the counts are the final ones.
    #[must_use]
    pub fn sample(&self) -> Sample {
        if let Some(last) = self.last.get() {
            return **last;
        }
        let mut row = self.row();
        if row.event_ns == 0 {
            row = self.base.as_row();
        }
        let sample = view::sample(&row, self.block.moved(self.place));
        // The counts may already be another leg's. If so, this leg's `last` was set before that one arrived,
        // and the fence in `Block::occupy` makes it visible here.
        fence(Acquire);
        self.last.get().map_or(sample, |last| **last)
    }

    /// Queries the socket itself, in one or two system calls. Intended for a leg that is about to be reaped:
    /// the kernel calls back on round-trip samples, so an ack that gave none (RFC 6298's rule on
    /// retransmitted segments) moved the socket but not the row. The result is kept for later samples.
    ///
    /// # Errors
    /// A descriptor that cannot be queried, or a leg that was released.
    pub fn confirm(&self, now: Nanos) -> io::Result<Sample> {
        self.block.with_descriptor(self.place, |fd| {
            // Releasing a leg sets `last` before its descriptor is removed, under this lock. If it is not
            // set, place and descriptor belong to this leg until the lock is released.
            if self.last.get().is_some() {
                return Err(io::ErrorKind::NotConnected.into());
            }
            // SAFETY: the number is that of the registered descriptor, which its owner closes only after
            // `release` has removed the number, and `release` waits for this lock.
            let account = tcp_info::account(unsafe { BorrowedFd::borrow_raw(fd) })?;
            let known = self.sample();
            if account.acked > known.acked {
                // The bytes were acknowledged by the last acknowledgement or earlier.
                let ago = u64::from(account.since_ack_ms) * 1_000_000;
                let latest = Nanos(now.0.saturating_sub(ago));
                let moved = self.block.moved(self.place);
                moved.confirmed(account.acked, latest.max(known.progress));
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
        })
    }

    /// A last look before `release`. Queries the socket like [`RegisteredSocket::confirm`], unless the row is
    /// complete: it was written when the peer's FIN arrived or the connection ended, after which nothing
    /// arrives, and nothing is left to be acknowledged.
    ///
    /// # Errors
    /// Those of [`RegisteredSocket::confirm`].
    pub fn conclude(&self, now: Nanos) -> io::Result<Sample> {
        let known = self.sample();
        let over = matches!(known.state, TcpState::TimeWait | TcpState::Close);
        let heard =
            matches!(known.state, TcpState::CloseWait | TcpState::LastAck | TcpState::Closing);
        if (over || heard) && known.queued == 0 { Ok(known) } else { self.confirm(now) }
    }

    /// Releases the row; further calls do nothing. Must return before the descriptor is closed, because until
    /// then the polled writer may query that number.
    pub fn release(&self) {
        // Kept before the place is released, so that totals never decrease.
        let last = Sample { state: TcpState::Close, ..self.sample() };
        if self.last.set(Box::new(last)).is_err() {
            return;
        }
        if self.source == Source::Ebpf
            && let Some(kernel) = &self.block.ledger.kernel
        {
            kernel.leave(self.cookie);
        }
        if self.block.leave(self.place) {
            self.block.ledger.give_back(self.place.pair());
        }
    }

    /// The row, or an empty one if it is no longer this leg's.
    fn row(&self) -> Row {
        let row = match self.source {
            Source::Ebpf => {
                let kernel = self.block.ledger.kernel.as_ref();
                kernel.and_then(|kernel| kernel.row(self.place.row()))
            }
            Source::TcpInfo => self.block.polled_row(self.place),
        };
        row.map(AtomicRow::load).filter(|row| row.cookie == self.cookie).unwrap_or_default()
    }
}

impl Base {
    fn of(account: &Account) -> Base {
        let small = |figure| u8::try_from(figure).unwrap_or(u8::MAX);
        Base {
            window: account.window,
            srtt_us: account.srtt_us,
            retransmits: account.retransmits,
            timeouts: small(account.timeouts),
            state: small(account.state),
        }
    }

    fn as_row(self) -> Row {
        Row {
            snd_wnd: self.window,
            srtt_us: self.srtt_us,
            retransmits: self.retransmits,
            timeouts: u32::from(self.timeouts),
            state: u32::from(self.state),
            ..Row::default()
        }
    }
}

impl Drop for RegisteredSocket {
    fn drop(&mut self) {
        self.release();
    }
}

impl std::fmt::Debug for RegisteredSocket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RegisteredSocket").field("source", &self.source()).finish_non_exhaustive()
    }
}
