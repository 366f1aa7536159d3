//! Processes by descriptor (pidfd_open(2)): one that names the same process for ever, whoever started it.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// The process with this id, which has not been waited for. The descriptor is readable once it has ended.
///
/// # Errors
/// There is none, or no descriptor is left.
pub(super) fn open(id: i32) -> io::Result<OwnedFd> {
    // SAFETY: takes two plain numbers.
    let opened = unsafe { libc::syscall(libc::SYS_pidfd_open, id, 0) };
    match libc::c_int::try_from(opened) {
        // SAFETY: the kernel has just made this descriptor for us.
        Ok(number) if number >= 0 => Ok(unsafe { OwnedFd::from_raw_fd(number) }),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Kills it. Nothing happens if it has ended.
pub(super) fn kill(process: BorrowedFd<'_>) {
    let info = std::ptr::null::<libc::siginfo_t>();
    let number = process.as_raw_fd();
    // SAFETY: takes plain numbers and a pointer that may be null.
    unsafe { libc::syscall(libc::SYS_pidfd_send_signal, number, libc::SIGKILL, info, 0) };
}
