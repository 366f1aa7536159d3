//! All processes of one run of an app, with or without a cgroup.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::cgroup;
use super::session::Session;
use super::table;

/// All processes of one run of an app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Group {
    /// Those in this cgroup and below it. None can leave without privileges.
    Cgroup(PathBuf),
    /// Those that can be recognised without a cgroup.
    Session(Session),
}

impl Group {
    /// Their ids.
    pub(super) fn processes(&self) -> Vec<i32> {
        match self {
            Group::Cgroup(path) => cgroup::processes(path),
            Group::Session(session) => session.processes(),
        }
    }

    /// Whether none is left.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Group::Cgroup(path) => !cgroup::is_populated(path),
            Group::Session(session) => session.processes().is_empty(),
        }
    }

    /// Sends SIGTERM to them, except to those in `before`. Returns those that got it.
    pub(super) fn terminate(&self, before: &[i32]) -> Vec<i32> {
        let mut asked = self.processes();
        asked.retain(|id| !before.contains(id));
        asked.iter().for_each(|id| table::signal(*id, libc::SIGTERM));
        asked
    }

    /// Kills them. Call it until none is left, because one may have forked meanwhile.
    pub(super) fn kill(&self) {
        match self {
            Group::Cgroup(path) => cgroup::kill(path),
            Group::Session(session) => {
                session.processes().into_iter().for_each(|id| table::signal(id, libc::SIGKILL));
            }
        }
    }

    /// Removes the cgroup, once no process is left.
    ///
    /// # Errors
    /// As rmdir(2) fails, which is possible for a moment after the last process has ended: since Linux 6.19 a
    /// process leaves its cgroup when it is switched out for the last time, which can be after it was waited for
    /// (`cgroup_task_dead` in kernel/cgroup/cgroup.c).
    pub(super) fn remove(&self) -> io::Result<()> {
        match self {
            Group::Cgroup(path) => cgroup::remove(path),
            Group::Session(_) => Ok(()),
        }
    }

    /// The place (`place::Place`) that their cgroup is in.
    pub(super) fn place(&self) -> Option<&Path> {
        self.cgroup()?.parent()?.parent()
    }

    /// Their cgroup.
    pub(super) fn cgroup(&self) -> Option<&Path> {
        match self {
            Group::Cgroup(path) => Some(path),
            Group::Session(_) => None,
        }
    }
}
