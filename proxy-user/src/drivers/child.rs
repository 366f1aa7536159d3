//! What every process that Ebbtide starts inherits of it, and what not.

use tokio::process::Command;

use crate::descriptors;

/// Addressed to Ebbtide by its service manager: sd_notify(3), sd_listen_fds(3), sd_watchdog_enabled(3).
const OURS: [&str; 6] = [
    "NOTIFY_SOCKET",
    "LISTEN_FDS",
    "LISTEN_FDNAMES",
    "LISTEN_PID",
    "WATCHDOG_PID",
    "WATCHDOG_USEC",
];

/// Has a program start as if Ebbtide were not there: what was addressed to Ebbtide is not in its environment,
/// no terminal reaches it, and it is the first of a session and process group of its own.
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

/// Takes what was addressed to Ebbtide out of a program's environment.
pub(super) fn forget_ours(command: &mut Command) {
    OURS.iter().for_each(|name| _ = command.env_remove(name));
}

/// Sets the limit of open files of a process that was just forked. Async-signal-safe.
pub(super) fn limit(open_files: Option<&libc::rlimit>) {
    if let Some(limit) = open_files {
        // SAFETY: a plain system call that reads memory of the caller's.
        unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const *limit) };
    }
}

/// Makes a process that was just forked one that no terminal reaches, with signals as a new program
/// expects them, and with no descriptor of ours but the first three. Async-signal-safe.
pub(super) fn detach() {
    const SIGNALS: libc::c_int = 64;
    const FIRST: libc::c_uint = 3;
    // SAFETY: plain system calls on memory of this function. That some signals cannot be set, and that
    // kernels before 5.11 do not know the last call, changes nothing: all our descriptors are close-on-exec.
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
