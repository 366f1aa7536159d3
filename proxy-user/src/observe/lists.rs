//! The kernel's lists of sockets, one for each network namespace that the cgroup's processes are in.
//!
//! It only queries; `table` decides which sockets are watched.

use std::{
    collections::{HashMap, HashSet},
    path::PathBuf,
};

use super::members;
use crate::sockets::diag::{Diag, Entry, Error, Family, SocketId};

/// A network namespace, by inode.
pub(super) type Namespace = u64;

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Lists {
    cgroup: PathBuf,
    ports: Vec<u16>,
    open: HashMap<Namespace, Diag>,
    /// Namespaces that cannot be entered; each is logged once.
    closed: HashSet<Namespace>,
    /// Some processes' namespaces are not visible.
    hidden: bool,
    /// Ids of the cgroup and those below it.
    ids: HashSet<u64>,
    /// Sockets that the cgroup's processes have open, read once per `refresh` if the kernel does not report
    /// a socket's cgroup.
    inodes: Option<HashSet<u32>>,
    /// Whether the last list failed, so that repeated failures are logged once.
    failing: bool,
}

/// The answer to a query for one socket.
pub(super) enum Answer {
    Socket(Entry),
    Gone,
    /// It cannot be queried.
    Unknown,
}

impl Lists {
    pub(super) fn new(cgroup: PathBuf, ports: Vec<u16>) -> Lists {
        Lists {
            cgroup,
            ports,
            open: HashMap::new(),
            closed: HashSet::new(),
            hidden: false,
            ids: HashSet::new(),
            inodes: None,
            failing: false,
        }
    }

    /// Finds the cgroup's current members. Reads a few files for each of its processes.
    pub(super) fn refresh(&mut self) {
        self.ids = members::ids(&self.cgroup);
        self.inodes = None;
        let (mut present, hidden) = members::namespaces(&members::processes(&self.cgroup));
        let own = members::own_namespace().ok();
        let own_inode = own.as_ref().map(|(inode, _)| *inode);
        if let (true, Some((inode, file))) = (hidden, own) {
            // The most likely one for processes whose namespace is not visible.
            present.insert(inode, file);
        }
        self.hidden = hidden;
        self.open.retain(|namespace, _| present.contains_key(namespace));
        self.closed.retain(|namespace| present.contains_key(namespace));
        present.retain(|namespace, _| !self.open.contains_key(namespace));
        for (namespace, file) in present {
            let diag =
                if own_inode == Some(namespace) { Diag::open() } else { Diag::open_in(&file) };
            match diag {
                Ok(diag) => {
                    self.closed.remove(&namespace);
                    self.open.insert(namespace, diag);
                }
                Err(error) if self.closed.insert(namespace) => tracing::warn!(
                    namespace,
                    %error,
                    "sockets of a network namespace cannot be queried (that takes CAP_SYS_ADMIN)"
                ),
                Err(_) => {}
            }
        }
    }

    /// Whether there may be sockets that cannot be queried.
    pub(super) fn has_closed(&self) -> bool {
        self.hidden || !self.closed.is_empty()
    }

    /// Lists all sockets on the ports, whatever their cgroup; `false` = some may be missing.
    pub(super) fn all(&mut self, mut each: impl FnMut(Namespace, Entry)) -> bool {
        let (mut whole, mut failed) = (true, None);
        for (namespace, diag) in &mut self.open {
            for family in Family::ALL {
                match diag.dump(family, &self.ports, |entry| each(*namespace, entry)) {
                    Ok(complete) => whole &= complete,
                    // A kernel without IPv6 has no such sockets.
                    Err(Error::Refused(_)) if family == Family::V6 => {}
                    Err(error) => failed = Some(error),
                }
            }
        }
        if let (Some(error), false) = (&failed, self.failing) {
            tracing::warn!(%error, "the sockets cannot be listed");
        }
        self.failing = failed.is_some();
        whole && !self.failing
    }

    /// Whether a socket belongs to the cgroup, as of the last `refresh`: by the cgroup that it was created
    /// in, or on kernels before 5.8, which do not report that, by the processes that have it open.
    pub(super) fn belongs(&mut self, entry: &Entry) -> bool {
        if let Some(id) = entry.cgroup {
            return self.ids.contains(&id);
        }
        let cgroup = &self.cgroup;
        let read = || members::socket_inodes(&members::processes(cgroup));
        self.inodes.get_or_insert_with(read).contains(&entry.inode)
    }

    /// Queries one socket.
    pub(super) fn ask(&mut self, namespace: Namespace, id: &SocketId) -> Answer {
        let Some(diag) = self.open.get_mut(&namespace) else { return Answer::Unknown };
        match diag.one(id) {
            Ok(Some(entry)) => Answer::Socket(entry),
            Ok(None) => Answer::Gone,
            Err(error) => {
                tracing::debug!(%error, cookie = id.cookie(), "a socket cannot be queried");
                Answer::Unknown
            }
        }
    }

    /// Destroys one socket; `false` = it was already gone.
    ///
    /// # Errors
    /// See [`Diag::destroy`].
    pub(super) fn destroy(&mut self, namespace: Namespace, id: &SocketId) -> Result<bool, Error> {
        self.open.get_mut(&namespace).map_or(Ok(false), |diag| diag.destroy(id))
    }
}
