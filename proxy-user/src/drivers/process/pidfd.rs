//! Descriptors of processes (pidfd_open(2)): one always refers to the same process, whoever started it.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::Duration;

/// Opens the process with this id. The descriptor is readable once it has ended.
///
/// # Errors
/// There is no such process, or no descriptor is left.
pub(crate) fn open(id: i32) -> io::Result<OwnedFd> {
    // SAFETY: takes two plain numbers.
    let opened = unsafe { libc::syscall(libc::SYS_pidfd_open, id, 0) };
    match libc::c_int::try_from(opened) {
        // SAFETY: the kernel has just made this descriptor for us.
        Ok(number) if number >= 0 => Ok(unsafe { OwnedFd::from_raw_fd(number) }),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Waits until it has ended. `false` = not within `limit`.
pub(crate) fn has_ended(process: &OwnedFd, limit: Duration) -> bool {
    let mut watched = libc::pollfd { fd: process.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    let limit = libc::c_int::try_from(limit.as_millis()).unwrap_or(libc::c_int::MAX);
    // SAFETY: one structure that lives through the call, with a descriptor that is open.
    unsafe { libc::poll(&raw mut watched, 1, limit) > 0 }
}

/// Kills it. Nothing happens if it has ended.
pub(super) fn kill(process: BorrowedFd<'_>) {
    let info = std::ptr::null::<libc::siginfo_t>();
    let number = process.as_raw_fd();
    // SAFETY: takes plain numbers and a pointer that may be null.
    unsafe { libc::syscall(libc::SYS_pidfd_send_signal, number, libc::SIGKILL, info, 0) };
}
