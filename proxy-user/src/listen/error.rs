//! Why an address cannot be listened on, and what to do.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use super::holder::Holder;
use crate::core::listening::ListenAddress;

/// Why an address cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Some process has the address, but it is not visible which.
    #[error("cannot listen on {0}: the address is in use")]
    InUse(SocketAddr),
    /// A process listens there.
    #[error("cannot listen on {0}: the address is in use by {1}")]
    Taken(SocketAddr, Holder),
    /// Another takeover is in progress.
    #[error(
        "cannot take over {0}: {1} sockets listen there already; wait until the process that was \
         replaced before has ended"
    )]
    Crowded(SocketAddr, usize),
    /// The port is reserved for privileged processes.
    #[error(
        "cannot listen on {address}: permission denied for a port below {first}; allow it with \
         `setcap cap_net_bind_service=+ep {}` or `sysctl net.ipv4.ip_unprivileged_port_start={}`, or have \
         systemd pass the socket (LISTEN_FDS)",
        program.display(),
        address.port()
    )]
    Privileged {
        /// The address.
        address: SocketAddr,
        /// The first port that any process may listen on.
        first: u16,
        /// This program's file.
        program: PathBuf,
    },
    /// Anything else.
    #[error("cannot listen on {0}")]
    Other(SocketAddr, #[source] io::Error),
}

impl ListenError {
    pub(super) fn new(asked: ListenAddress, error: io::Error) -> ListenError {
        let address = asked.address;
        match error.kind() {
            io::ErrorKind::AddrInUse => match Holder::find(asked) {
                Some(holder) => ListenError::Taken(address, holder),
                None => ListenError::InUse(address),
            },
            io::ErrorKind::PermissionDenied => match first_unprivileged() {
                Some(first) if address.port() < first => {
                    let program = std::env::current_exe().unwrap_or_else(|_| "ebbtide".into());
                    ListenError::Privileged { address, first, program }
                }
                _ => ListenError::Other(address, error),
            },
            _ => ListenError::Other(address, error),
        }
    }

    /// The process id of the Ebbtide in the way, if another process may take its place.
    #[must_use]
    pub fn replaceable(&self) -> Option<u32> {
        match self {
            ListenError::Taken(_, holder) => holder.replaceable(),
            _ => None,
        }
    }

    /// Whether something has the address already.
    #[must_use]
    pub fn is_in_use(&self) -> bool {
        matches!(self, ListenError::InUse(_) | ListenError::Taken(..))
    }
}

/// The first port that any process may listen on, by IPv4 and IPv6 (ip-sysctl.rst).
fn first_unprivileged() -> Option<u16> {
    let text = std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start").ok()?;
    text.trim().parse().ok()
}
