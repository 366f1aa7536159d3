//! Drops the capabilities that only loading the kernel programs needed.
//!
//! Capabilities belong to a thread, and a new thread inherits them: call this after the socket table was
//! opened and before the runtime starts its workers.

use std::io;

use caps::{CapSet, Capability, CapsHashSet, errors::CapsError};

use crate::sockets::Sockets;

/// Capabilities that a running proxy may still need: this one to listen on ports below 1024.
const KEPT: [Capability; 1] = [Capability::CAP_NET_BIND_SERVICE];
/// Capabilities that allow changing the kernel's table, the weakest first. Since Linux 5.19 holding the
/// map's descriptor is enough (`__sys_bpf` in kernel/bpf/syscall.c); before that `CAP_BPF` is needed, and
/// before 5.8 `CAP_SYS_ADMIN`.
const TABLE: [Capability; 2] = [Capability::CAP_BPF, Capability::CAP_SYS_ADMIN];

/// Why capabilities could not be dropped.
#[derive(Debug, thiserror::Error)]
pub enum PrivilegesError {
    /// The kernel refused the change.
    #[error("cannot change this process's capabilities")]
    Change(#[from] CapsError),
    /// The table cannot be changed with any of them.
    #[error("the socket table cannot be changed any more: {0}")]
    Table(io::Error),
}

/// Drops every capability that serving does not need. Returns the names of the remaining ones.
///
/// # Errors
/// The kernel refuses the change, or the table cannot be changed whichever capabilities are kept.
pub fn drop_all_but_needed(sockets: &Sockets) -> Result<Vec<String>, PrivilegesError> {
    let permitted = caps::read(None, CapSet::Permitted)?;
    let mut kept: CapsHashSet = KEPT.into_iter().filter(|cap| permitted.contains(cap)).collect();
    caps::set(None, CapSet::Effective, &kept)?;
    let mut more = TABLE.into_iter().filter(|cap| permitted.contains(cap));
    while let Err(error) = sockets.held() {
        let cap = more.next().ok_or(PrivilegesError::Table(error))?;
        kept.insert(cap);
        caps::set(None, CapSet::Effective, &kept)?;
    }
    caps::clear(None, CapSet::Ambient)?;
    caps::set(None, CapSet::Permitted, &kept)?;
    caps::set(None, CapSet::Inheritable, &CapsHashSet::new())?;
    let mut names: Vec<_> = kept.iter().map(ToString::to_string).collect();
    names.sort_unstable();
    Ok(names)
}
