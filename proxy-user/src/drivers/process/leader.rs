//! The first process of a run: a child of this process, or of the Ebbtide that this one has replaced.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::process::ExitStatus;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::process::Child;

use super::pidfd;

/// The first process of a run.
#[derive(Debug)]
pub(super) enum Leader {
    /// Started by this process.
    Own(Child),
    /// Started by another process, and known by a pidfd.
    Adopted(AsyncFd<OwnedFd>),
}

impl Leader {
    /// The process of this pidfd. Needs a tokio runtime.
    ///
    /// # Errors
    /// It cannot be watched.
    pub(super) fn adopt(process: OwnedFd) -> io::Result<Leader> {
        // SAFETY: an `OwnedFd` has one descriptor, which it keeps open until it is dropped.
        let watched = unsafe { AsyncFd::register_with_interest(process, Interest::READABLE) };
        Ok(Leader::Adopted(watched?))
    }

    /// Waits for its end. Only its parent learns its status.
    pub(super) async fn wait(&mut self) -> Option<ExitStatus> {
        match self {
            Leader::Own(child) => child.wait().await.ok(),
            Leader::Adopted(process) => {
                let _ = process.readable().await;
                None
            }
        }
    }

    /// A pidfd of it.
    ///
    /// # Errors
    /// No descriptor is left, or it has been reaped.
    pub(super) fn descriptor(&self) -> io::Result<OwnedFd> {
        match self {
            Leader::Own(child) => {
                let id = child.id().and_then(|id| i32::try_from(id).ok());
                pidfd::open(id.ok_or(io::ErrorKind::NotFound)?)
            }
            Leader::Adopted(process) => process.get_ref().try_clone(),
        }
    }

    /// Kills it, if it has not ended.
    pub(super) fn kill(&mut self) {
        match self {
            Leader::Own(child) => _ = child.start_kill(),
            Leader::Adopted(process) => pidfd::kill(process.get_ref().as_fd()),
        }
    }
}
