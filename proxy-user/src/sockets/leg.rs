//! One registered socket, from its registration to its release.
//!
//! Call `add_written` and `add_read` from the one thread that moves the socket's bytes, `sample` from
//! anywhere, and `release` before the descriptor is closed. A leg that is dropped releases itself.

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

/// One registered socket. See the module's text for the order of calls.
pub struct RegisteredSocket {
    block: Arc<Block>,
    place: LegIndex,
    source: Source,
    cookie: u64,
    base: Base,
    /// What it came to when it was released.
    last: OnceLock<Box<Sample>>,
}

/// The socket when it was registered: what is known until the kernel's first callback. The block has
/// its byte counts.
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
    /// Puts a socket in its place, which the kernel finds from then on. Its figures are not read yet:
    /// `start` must follow.
    ///
    /// # Errors
    /// The kernel refused the entry; the place is then as it was.
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

    /// The same for a socket that is to be polled.
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

    /// Reads the socket's figures, to count from. After the kernel can find the row: no ack falls
    /// between the two.
    ///
    /// # Errors
    /// A descriptor that is no TCP socket or gives no answer.
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
            // Under the lock: a sweep that is polling must not mix its row with this one.
            self.block.with_descriptor(self.place, |_| row.store(&base));
        }
        Ok(self)
    }

    /// Who writes this leg's row: `TcpInfo` also for a leg that found the kernel table full.
    #[must_use]
    pub fn source(&self) -> Source {
        self.source
    }

    /// The place of its pair: the two legs of a session share one, and no other registered leg has it.
    #[must_use]
    pub fn pair(&self) -> usize {
        self.place.pair() as usize
    }

    /// Lets sweeps know that rows do not tell everything of this leg's pair.
    pub fn note(&self) {
        if self.last.get().is_none() {
            self.block.note(self.place);
        }
    }

    /// Counts bytes that the socket accepted: what `write` returned, so below TLS where there is TLS.
    /// One thread only.
    pub fn add_written(&self, bytes: u64) {
        if self.last.get().is_none() {
            self.block.moved(self.place).add_sent(bytes);
        }
    }

    /// Counts bytes that came from the socket: what `read` returned, so below TLS where there is TLS.
    /// One thread only.
    pub fn add_read(&self, bytes: u64) {
        if self.last.get().is_none() {
            self.block.moved(self.place).add_read(bytes);
        }
    }

    /// The leg as its row and the process's own counts show it. No system call.
    ///
    /// After `release` the state is `Close` and the counts are the last ones.
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
        // The counts may be another leg's by now. Its predecessor's `last` was set before it came, which
        // the fence in `Block::occupy` carries to this one.
        fence(Acquire);
        self.last.get().map_or(sample, |last| **last)
    }

    /// Asks the socket itself, in one or two system calls. Meant for the one leg that is about to be reaped:
    /// the kernel calls back on round-trip samples, and an ack that gave none (RFC 6298's rule on
    /// retransmitted segments) moved the socket and not the row. What is found counts from then on.
    ///
    /// # Errors
    /// A descriptor that gives no answer, or a leg that was released.
    pub fn confirm(&self, now: Nanos) -> io::Result<Sample> {
        self.block.with_descriptor(self.place, |fd| {
            // Released legs are told before their descriptor is taken away, under this lock: without,
            // place and descriptor are this leg's until it is unlocked.
            if self.last.get().is_some() {
                return Err(io::ErrorKind::NotConnected.into());
            }
            // SAFETY: the number is the registered descriptor's, which its owner closes only after
            // `release` has taken the number away, and `release` waits for this lock.
            let account = tcp_info::account(unsafe { BorrowedFd::borrow_raw(fd) })?;
            let known = self.sample();
            if account.acked > known.acked {
                // The bytes were acknowledged when an acknowledgement came last, or earlier.
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

    /// A last look before `release`. Asks the socket like [`RegisteredSocket::confirm`], unless the row has it all: it
    /// was written when the peer's FIN came or the connection ended, behind which nothing arrives, and
    /// nothing waits to be acknowledged.
    ///
    /// # Errors
    /// As those of [`RegisteredSocket::confirm`].
    pub fn conclude(&self, now: Nanos) -> io::Result<Sample> {
        let known = self.sample();
        let over = matches!(known.state, TcpState::TimeWait | TcpState::Close);
        let heard =
            matches!(known.state, TcpState::CloseWait | TcpState::LastAck | TcpState::Closing);
        if (over || heard) && known.queued == 0 { Ok(known) } else { self.confirm(now) }
    }

    /// Gives the row back; later calls do nothing. Must return before the descriptor is closed: until
    /// then the polled writer may ask that number.
    pub fn release(&self) {
        // Kept before the place goes: totals never go down.
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

    /// The row, or an empty one when it is no longer this leg's.
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
