//! What a process that Ebbtide starts inherits from it, and what it does not.

use tokio::process::Command;

use crate::descriptors;

/// Variables that the service manager sets for Ebbtide: sd_notify(3), sd_listen_fds(3), sd_watchdog_enabled(3).
const OURS: [&str; 6] = [
    "NOTIFY_SOCKET",
    "LISTEN_FDS",
    "LISTEN_FDNAMES",
    "LISTEN_PID",
    "WATCHDOG_PID",
    "WATCHDOG_USEC",
];

/// Prepares a program to start as if Ebbtide were not there: without the variables that are meant for Ebbtide,
/// without a terminal, and as the leader of its own session and process group.
pub(super) fn clean(command: &mut Command) {
    forget_ours(command);
    let open_files = descriptors::inherited();
    // SAFETY: both functions are async-signal-safe, and what they use was made before the fork.
    unsafe {
        command.pre_exec(move || {
            detach();
            limit(open_files.as_ref());
            Ok(())
        })
    };
}

/// Removes the variables that are meant for Ebbtide from a program's environment.
pub(super) fn forget_ours(command: &mut Command) {
    OURS.iter().for_each(|name| _ = command.env_remove(name));
}

/// Sets the open-file limit of a process that was just forked. Async-signal-safe.
pub(super) fn limit(open_files: Option<&libc::rlimit>) {
    if let Some(limit) = open_files {
        // SAFETY: a plain system call that reads the caller's memory.
        unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const *limit) };
    }
}

/// Detaches a process that was just forked from the terminal, resets its signals to what a new program expects,
/// and passes on none of our descriptors but the first three. Async-signal-safe.
pub(super) fn detach() {
    const SIGNALS: libc::c_int = 64;
    const FIRST: libc::c_uint = 3;
    // SAFETY: plain system calls on this function's memory. Errors do no harm: some signals cannot be set, and
    // kernels before 5.11 refuse the last call, but all our descriptors are close-on-exec anyway.
    unsafe {
        libc::setsid();
        for signal in 1..=SIGNALS {
            libc::signal(signal, libc::SIG_DFL);
        }
        let mut none = std::mem::zeroed::<libc::sigset_t>();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
        libc::syscall(libc::SYS_close_range, FIRST, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC);
    }
}
