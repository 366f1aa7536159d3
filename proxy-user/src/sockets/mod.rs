//! The kernel's own state of every socket: one table of rows, with two writers behind one interface.
//!
//! Everything above this folder registers a socket, counts the bytes it moves, and looks at samples. It
//! cannot tell whether the kernel writes the rows (`ebpf`) or the process polls for them (`poll`). Nothing
//! here decides what a sample means: `core::stall` does.

mod btf;
pub mod cgroup;
pub(crate) mod diag;
mod ebpf;
pub(crate) mod examine;
mod foreign;
mod leg;
mod link;
mod load;
mod mapping;
mod options;
mod places;
mod poll;
mod probe;
mod row;
mod table;
mod tcp_info;
mod view;

use std::{
    fmt, io,
    os::fd::BorrowedFd,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use tokio::{
    io::{Interest, unix::AsyncFd},
    task::JoinHandle,
};

pub(crate) use self::table::PAIRS;
use self::{
    ebpf::Kernel,
    load::{Object, sentence},
    table::{Block, LegIndex, Table},
};
pub use self::{
    foreign::{Arrivals, ForeignLeg, ForeignSockets},
    leg::RegisteredSocket,
    load::LoadError,
    options::{Options, Source, SourceWish},
    probe::Probe,
    table::Views,
    view::View,
};
use crate::core::{
    side::{PerSide, Side},
    time::Nanos,
};

/// Why the table cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The kernel writer was requested explicitly.
    #[error("the source \"ebpf\" is not available (\"auto\" would poll instead)")]
    Ebpf(#[from] LoadError),
    /// `max_legs` is too small for a session.
    #[error("max_legs must be at least 2")]
    NoLegs,
}

/// What is registered now; all zero once every leg has been released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Rows of the kernel's table in use.
    pub rows: usize,
    /// Entries in the kernel by which it finds those rows.
    pub entries: usize,
    /// Legs that are polled.
    pub polled: usize,
}

/// A handle to the table; clones share it. The kernel programs are detached when the last handle and the last
/// leg are dropped.
#[derive(Clone)]
pub struct Sockets(Arc<Inner>);

struct Inner {
    table: Table,
    reason: String,
    warned: AtomicBool,
}

impl Sockets {
    /// Opens the table. Set the process's log level first: it decides which log statements of the kernel
    /// programs are loaded at all.
    ///
    /// # Errors
    /// [`SourceWish::Ebpf`] if it is not available; `max_legs` below 2.
    pub fn open(options: &Options) -> Result<Sockets, OpenError> {
        if options.max_legs < 2 {
            return Err(OpenError::NoLegs);
        }
        let (kernel, reason) = match options.source {
            SourceWish::TcpInfo => (None, "polling was asked for".to_owned()),
            SourceWish::Ebpf => kernel(options).map(|(kernel, reason)| (Some(kernel), reason))?,
            SourceWish::Auto => match kernel(options) {
                Ok((kernel, reason)) => (Some(kernel), reason),
                Err(error) => (None, format!("eBPF is not available: {}", sentence(&error))),
            },
        };
        Ok(Sockets(Arc::new(Inner {
            table: Table::new(kernel),
            reason,
            warned: AtomicBool::new(false),
        })))
    }

    /// Who writes the rows of legs registered from now on.
    #[must_use]
    pub fn source(&self) -> Source {
        if self.0.table.ledger.kernel.is_some() { Source::Ebpf } else { Source::TcpInfo }
    }

    /// Why this source was chosen, as one sentence for people.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.0.reason
    }

    /// Registers the two sockets of a session. If the kernel's table is full they are polled; this is logged
    /// the first time.
    ///
    /// The descriptor numbers are kept until [`RegisteredSocket::release`], which must be called before
    /// closing them.
    ///
    /// # Errors
    /// A descriptor that is not a TCP socket or cannot be queried.
    pub fn register_pair(
        &self,
        fds: PerSide<BorrowedFd<'_>>,
    ) -> io::Result<PerSide<RegisteredSocket>> {
        let cookies =
            PerSide { client: tcp_info::cookie(fds.client)?, app: tcp_info::cookie(fds.app)? };
        let (pair, block) = self.0.table.take().ok_or(io::ErrorKind::OutOfMemory)?;
        // Construct both legs before either can fail: the pair is released with the last of them.
        let legs = PerSide::from_fn(|side| {
            self.settle(&block, LegIndex::new(pair, side), fds[side], cookies[side])
        });
        Ok(PerSide { client: legs.client.start(fds.client)?, app: legs.app.start(fds.app)? })
    }

    /// Registers one connected TCP socket, like [`Sockets::register_pair`]. It takes the space of two.
    ///
    /// # Errors
    /// A descriptor that is not a TCP socket or cannot be queried.
    pub fn register(&self, fd: BorrowedFd<'_>) -> io::Result<RegisteredSocket> {
        let cookie = tcp_info::cookie(fd)?;
        let (pair, block) = self.0.table.take().ok_or(io::ErrorKind::OutOfMemory)?;
        self.settle(&block, LegIndex::new(pair, Side::Client), fd, cookie).start(fd)
    }

    fn settle(
        &self,
        block: &Arc<Block>,
        place: LegIndex,
        fd: BorrowedFd<'_>,
        cookie: u64,
    ) -> RegisteredSocket {
        let ledger = &self.0.table.ledger;
        if place.pair() < ledger.lent() {
            match RegisteredSocket::in_kernel(block, place, fd, cookie) {
                Ok(leg) => return leg,
                Err(error) => self.warn_once(&sentence(&error)),
            }
        } else if ledger.kernel.is_some() {
            self.warn_once("all rows of the kernel table are taken");
        }
        RegisteredSocket::polled(block, place, fd, cookie)
    }

    /// Brings the polled rows up to date; call once per sweep. Costs one system call per polled leg, and
    /// another if it may have something queued. Rows written by the kernel cost nothing here.
    pub fn refresh(&self, now: Nanos) {
        self.0.table.swept();
        poll::refresh(&self.0.table, now);
    }

    /// The pairs from `number * 64` on, as seen by a sweep; `None` beyond the last.
    #[must_use]
    pub fn views(&self, number: usize) -> Option<Views<'_>> {
        Views::new(&self.0.table, number)
    }

    /// Forwards the kernel programs' log to the `log` crate until the task is aborted. `None` without kernel
    /// programs, or if already started. Needs a tokio runtime with its I/O driver, and the logger set before.
    ///
    /// # Errors
    /// A ring buffer that cannot be polled.
    pub fn start_logging(&self) -> io::Result<Option<JoinHandle<()>>> {
        let Some(kernel) = &self.0.table.ledger.kernel else { return Ok(None) };
        let logger = match aya_log::EbpfLogger::init(&mut kernel.ebpf()) {
            Ok(logger) => logger,
            Err(aya_log::Error::MapNotFound) => return Ok(None),
            Err(error) => return Err(io::Error::other(error)),
        };
        // SAFETY: the logger owns the ring buffer's descriptor and returns the same one as long as it lives,
        // and the `AsyncFd` owns the logger.
        let lines = unsafe { AsyncFd::register_with_interest(logger, Interest::READABLE) };
        let mut lines = lines?;
        Ok(Some(tokio::spawn(async move {
            while let Ok(mut ready) = lines.readable_mut().await {
                ready.get_inner_mut().flush();
                ready.clear_ready();
            }
        })))
    }

    /// What is registered now. Walks the kernel's table with system calls: for tests and diagnosis.
    ///
    /// # Errors
    /// A kernel table that cannot be walked.
    pub fn held(&self) -> io::Result<Held> {
        let kernel = self.0.table.ledger.kernel.as_ref();
        let entries = kernel.map_or(Ok(0), Kernel::entries)?;
        let (rows, polled) = self.0.table.held();
        Ok(Held { rows, entries, polled })
    }

    fn warn_once(&self, error: &str) {
        if !self.0.warned.swap(true, Relaxed) {
            tracing::warn!(
                error,
                "new legs are polled; max_legs sets the size of the kernel table"
            );
        }
    }
}

impl fmt::Debug for Sockets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sockets")
            .field("source", &self.source())
            .field("reason", &self.reason())
            .finish_non_exhaustive()
    }
}

const _: () = {
    const fn shared<T: Send + Sync>() {}
    shared::<Sockets>();
    shared::<RegisteredSocket>();
};

/// Bytes acknowledged by the peer of a TCP socket that is not registered.
///
/// # Errors
/// Those of `TCP_INFO`.
pub(crate) fn acked(fd: BorrowedFd<'_>) -> io::Result<u64> {
    tcp_info::info(fd).map(|account| account.acked)
}

/// Loads and attaches the kernel programs; also returns why the kernel writes the rows.
fn kernel(options: &Options) -> Result<(Kernel, String), LoadError> {
    let mut object = Object::create(options.max_legs, None)?;
    object.load()?;
    let cgroup = object.attach(options.cgroup.as_deref())?;
    let mut reason = format!("the kernel program is attached to {}", cgroup.display());
    if let Some(missing) = &object.without_btf {
        reason.push_str(&format!("; without the send window, for lack of BTF ({missing})"));
    }
    Ok((Kernel::new(object, options.max_legs)?, reason))
}
