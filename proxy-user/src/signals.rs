//! Signals that ask this process to stop or reload, and the one that asks another Ebbtide to drain.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGTERM and SIGINT, received from creation on.
#[derive(Debug)]
pub struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    /// Starts listening. Needs a tokio runtime.
    ///
    /// # Errors
    /// The signal handlers cannot be set.
    pub fn listen() -> io::Result<Stop> {
        Ok(Stop {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for the next one.
    pub async fn asked(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// SIGHUP, received from creation on.
///
/// # Errors
/// The signal handler cannot be set.
pub fn hangup() -> io::Result<Signal> {
    signal(SignalKind::hangup())
}

/// The process that this one replaces. Held by a pidfd, so that a later process with the same id is not
/// mistaken for it.
#[derive(Debug)]
pub struct Predecessor(OwnedFd);

impl Predecessor {
    /// Finds the process with this id.
    ///
    /// # Errors
    /// As pidfd_open(2) fails: there is no such process.
    pub fn find(id: libc::pid_t) -> io::Result<Predecessor> {
        // SAFETY: the call takes two plain numbers.
        let opened = unsafe { libc::syscall(libc::SYS_pidfd_open, id, 0) };
        match libc::c_int::try_from(opened) {
            // SAFETY: the kernel has just made this descriptor for us.
            Ok(number) if number >= 0 => Ok(Predecessor(unsafe { OwnedFd::from_raw_fd(number) })),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// Whether it may be sent signals.
    ///
    /// # Errors
    /// As pidfd_send_signal(2) fails: it has ended, or is another user's.
    pub fn check(&self) -> io::Result<()> {
        self.send(0)
    }

    /// Asks it to drain (SIGTERM).
    ///
    /// # Errors
    /// As for [`Predecessor::check`].
    pub fn terminate(&self) -> io::Result<()> {
        self.send(libc::SIGTERM)
    }

    fn send(&self, signal: libc::c_int) -> io::Result<()> {
        let info = std::ptr::null::<libc::siginfo_t>();
        let process = self.0.as_raw_fd();
        // SAFETY: the call takes plain numbers and a pointer that may be null.
        let sent = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, process, signal, info, 0) };
        if sent == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
}
