//! Messages about a process that has ended, or that could not be started.

use std::fmt::Write;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;

use super::spawn::{NO_CGROUP, NO_GUARD};
use crate::config;

/// Signals that end programs, by number.
const SIGNALS: [(i32, &str); 16] = [
    (libc::SIGHUP, "SIGHUP"),
    (libc::SIGINT, "SIGINT"),
    (libc::SIGQUIT, "SIGQUIT"),
    (libc::SIGILL, "SIGILL"),
    (libc::SIGTRAP, "SIGTRAP"),
    (libc::SIGABRT, "SIGABRT"),
    (libc::SIGBUS, "SIGBUS"),
    (libc::SIGFPE, "SIGFPE"),
    (libc::SIGKILL, "SIGKILL"),
    (libc::SIGUSR1, "SIGUSR1"),
    (libc::SIGSEGV, "SIGSEGV"),
    (libc::SIGUSR2, "SIGUSR2"),
    (libc::SIGPIPE, "SIGPIPE"),
    (libc::SIGALRM, "SIGALRM"),
    (libc::SIGTERM, "SIGTERM"),
    (libc::SIGSYS, "SIGSYS"),
];

/// How it ended, and how many processes it left behind.
pub(in super::super) fn ended(status: Option<ExitStatus>, left: usize) -> String {
    let mut words = match status.map(|status| (status.code(), status.signal())) {
        Some((Some(code), _)) => format!("it exited with status {code}"),
        Some((None, Some(number))) => {
            let name = SIGNALS.iter().find(|(known, _)| *known == number).map(|(_, name)| *name);
            let name = name.map_or_else(|| format!("signal {number}"), str::to_owned);
            let why = match number {
                libc::SIGKILL => ", which is also how the kernel ends it when memory runs out",
                _ => "",
            };
            format!("it was ended by {name}{why}")
        }
        // Only the parent learns it. An Ebbtide that has taken the app over is not the parent.
        _ => "it has ended, with a status that is not known".to_owned(),
    };
    if left > 0 {
        // Explains to people who start a daemon why it does not stay.
        let _ = write!(
            words,
            " and left {left} {} behind, now ended too: the command must stay in the foreground",
            if left == 1 { "process" } else { "processes" }
        );
    }
    words
}

/// Why it could not be started, and how to fix it. `path`: the `PATH` that was searched.
pub(super) fn not_started(
    config: &config::ProcessDriver,
    path: Option<&str>,
    error: &io::Error,
) -> String {
    let program = config.command.first().map_or("", String::as_str);
    let place = match &config.dir {
        Some(dir) => format!(" (in {})", dir.display()),
        None => String::new(),
    };
    match (error.kind(), error.raw_os_error()) {
        (_, Some(NO_CGROUP)) => "its process could not enter its cgroup".to_owned(),
        (_, Some(NO_GUARD)) => {
            "the guard that would end it with Ebbtide has ended or does not read what it is told; it is \
             started again with the next try"
                .to_owned()
        }
        (io::ErrorKind::NotFound, _) if !program.contains('/') => format!(
            "the command \"{program}\" is in no folder of PATH ({}): write its whole path in \
             `command`, or set PATH in `env`",
            path.unwrap_or("which is not set")
        ),
        (io::ErrorKind::NotFound, _) if is_there(config.dir.as_deref(), program) => format!(
            "the command \"{program}\"{place} names an interpreter that is not there: see its first \
             line (#!…)"
        ),
        (io::ErrorKind::NotFound, _) => {
            format!("there is no command \"{program}\"{place}: correct `command` or `dir`")
        }
        (io::ErrorKind::PermissionDenied, _) => format!(
            "the command \"{program}\"{place} is not executable for this user: chmod +x, or run it by \
             its interpreter"
        ),
        _ => format!("the command \"{program}\"{place} cannot be run: {error}"),
    }
}

/// A relative path starts where the command runs.
fn is_there(dir: Option<&Path>, program: &str) -> bool {
    dir.unwrap_or(Path::new(".")).join(program).exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_have_words() {
        let status = |raw| Some(ExitStatus::from_raw(raw));
        assert_eq!(ended(status(3 << 8), 0), "it exited with status 3");
        assert_eq!(
            ended(status(0), 2),
            "it exited with status 0 and left 2 processes behind, now ended too: the command must \
             stay in the foreground"
        );
        assert_eq!(ended(status(libc::SIGSEGV), 0), "it was ended by SIGSEGV");
        assert!(ended(status(libc::SIGKILL), 0).contains("memory"));
        assert_eq!(ended(status(40), 0), "it was ended by signal 40");
    }
}
