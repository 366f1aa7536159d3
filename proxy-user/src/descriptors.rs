//! How many descriptors the process may have open (`RLIMIT_NOFILE`), and how they are shared out.

use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::OnceLock;

use crate::config;

/// Reserved for everything except clients: listeners, the kernel's tables, reports, the admin address, and
/// idle connections to apps.
const RESERVE: u64 = 64;
/// The admin address may use one in this many of the reserve.
const ADMIN_SHARE: u64 = 2;
/// A client's connection, and its connection to an app.
const PER_CLIENT: u64 = 2;

/// The limit before it was raised.
static INHERITED: OnceLock<libc::rlimit> = OnceLock::new();

/// How many descriptors there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptors(u64);

impl Descriptors {
    /// The current soft limit.
    ///
    /// # Errors
    /// As getrlimit(2) fails.
    pub fn allowed() -> io::Result<Descriptors> {
        limit().map(|limit| Descriptors(limit.rlim_cur))
    }

    /// Raises the soft limit to the hard one, which needs no privilege. The soft limit exists for programs
    /// that use select(2); Ebbtide does not.
    ///
    /// # Errors
    /// As getrlimit(2) and setrlimit(2) fail.
    pub fn raise() -> io::Result<Descriptors> {
        let mut limit = limit()?;
        INHERITED.get_or_init(|| limit);
        if limit.rlim_cur < limit.rlim_max {
            limit.rlim_cur = limit.rlim_max;
            // SAFETY: the pointer points to a whole rlimit that lives through the call.
            if unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) } != 0 {
                return Err(io::Error::last_os_error());
            }
        }
        Ok(Descriptors(limit.rlim_cur))
    }

    /// How many client connections fit, with or without sessions.
    #[must_use]
    pub fn clients(self) -> usize {
        let clients = (self.0 - self.reserve()) / PER_CLIENT;
        usize::try_from(clients).unwrap_or(usize::MAX)
    }

    /// How many admin connections fit.
    #[must_use]
    pub fn for_admin() -> usize {
        let allowed = Descriptors::allowed().unwrap_or(Descriptors(u64::MAX));
        allowed.admin()
    }

    fn admin(self) -> usize {
        usize::try_from(self.reserve() / ADMIN_SHARE).map_or(usize::MAX, |share| share.max(1))
    }

    /// Whether a new descriptor would be one of the reserve. New ones get the lowest free number
    /// (open(2)), so `fd` tells.
    #[must_use]
    pub fn is_reserved(self, fd: impl AsFd) -> bool {
        u64::try_from(fd.as_fd().as_raw_fd()).is_ok_and(|number| number >= self.0 - self.reserve())
    }

    /// The same for the next new descriptor; `any` is one that can be duplicated.
    #[must_use]
    pub fn are_used_up(self, any: impl AsFd) -> bool {
        any.as_fd().try_clone_to_owned().map_or(true, |next| self.is_reserved(next))
    }

    fn reserve(self) -> u64 {
        RESERVE.min(self.0 / 2)
    }

    /// Whether the user chose to allow `sessions`, and they do not fit.
    fn disappoints(self, sessions: usize) -> bool {
        sessions != config::Limits::default().sessions && self.clients() < sessions
    }
}

/// Raises the limit, and logs how many sessions fit; as a warning only if `limits.sessions` was set to
/// more: its default exceeds most machines' limits, and most users never need that many.
pub fn prepare(sessions: usize) {
    match Descriptors::raise().or_else(|error| {
        tracing::warn!(%error, "cannot raise the limit of open files (RLIMIT_NOFILE)");
        Descriptors::allowed()
    }) {
        Ok(allowed) if allowed.disappoints(sessions) => tracing::warn!(
            open_files = allowed.0,
            fit = allowed.clients(),
            sessions,
            "fewer sessions fit than limits.sessions: raise the hard limit of open files \
             (ulimit -Hn, LimitNOFILE=)"
        ),
        Ok(allowed) => {
            let fit = sessions.min(allowed.clients());
            tracing::info!(open_files = allowed.0, sessions = fit, "sessions that fit");
        }
        Err(error) => tracing::warn!(%error, "cannot read the limit of open files"),
    }
}

/// The limit that this process was started with, for programs that it starts: they may use select(2).
/// `None` if it has not been changed.
#[must_use]
pub fn inherited() -> Option<libc::rlimit> {
    INHERITED.get().copied()
}

fn limit() -> io::Result<libc::rlimit> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the pointer is to a whole rlimit of our own for the call to fill.
    match unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } {
        0 => Ok(limit),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_client_has_two_and_some_are_kept() {
        assert_eq!(Descriptors(1024).clients(), 480);
        assert_eq!(Descriptors(20).clients(), 5, "a tiny limit serves somebody");
        assert_eq!(Descriptors(u64::MAX).clients(), usize::MAX / 2 - 32);
    }

    #[test]
    fn the_admin_address_has_a_part_of_what_is_kept() {
        assert_eq!(Descriptors(u64::MAX).admin(), 32);
        assert_eq!(Descriptors(20).admin(), 5);
    }

    #[test]
    fn the_last_ones_are_reserved() {
        // Standard error has number 2.
        assert!(!Descriptors(6).is_reserved(io::stderr()), "3, 4 and 5 are");
        assert!(Descriptors(4).is_reserved(io::stderr()), "2 and 3 are");
        assert!(!Descriptors(1 << 30).are_used_up(io::stderr()));
        assert!(Descriptors(4).are_used_up(io::stderr()), "what is next is 3 at least");
    }

    #[test]
    fn only_a_wish_can_be_disappointed() {
        let wished = Descriptors(20_000);
        assert!(wished.disappoints(50_000));
        assert!(!wished.disappoints(5_000));
        assert!(!wished.disappoints(config::Limits::default().sessions));
    }
}
