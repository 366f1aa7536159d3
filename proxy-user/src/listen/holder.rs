//! Finds the process that has an address.

use std::fmt;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt;

use super::kernel_list::{Listening, listening};
use crate::core::listening::{ListenAddress, overlap};

/// A process that listens on an address, or on all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    id: u32,
    name: String,
    /// Where it listens.
    address: SocketAddr,
    is_ebbtide: bool,
}

impl Holder {
    /// Finds the process that keeps `wanted` from being bound. `None` if its sockets are not visible
    /// (another user's, without `CAP_SYS_PTRACE`), if it is in another pid namespace, or if it does not
    /// listen.
    pub(super) fn find(wanted: ListenAddress) -> Option<Holder> {
        let mut in_the_way: Vec<_> = [false, true]
            .into_iter()
            .flat_map(|v6| listening(v6).unwrap_or_default())
            .filter(|one| is_in_the_way(one.address, wanted))
            .collect();
        // [::] may be IPv6-only, which the list does not show.
        in_the_way.sort_by_key(|one| !overlap(one.address, wanted.address));
        in_the_way.iter().find_map(process)
    }

    /// Its process id, if it is an Ebbtide that this process can replace: of the same user, and not this
    /// process itself.
    #[must_use]
    pub fn replaceable(&self) -> Option<u32> {
        let user = |id: &str| fs::metadata(format!("/proc/{id}")).ok().map(|process| process.uid());
        let same_user = user("self").is_some_and(|ours| user(&self.id.to_string()) == Some(ours));
        (self.is_ebbtide && !self.is_ourselves() && same_user).then_some(self.id)
    }

    fn is_ourselves(&self) -> bool {
        self.id == std::process::id()
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Holder { id, name, address, .. } = self;
        match self.is_ourselves() {
            true => write!(f, "this process itself, which listens on {address}"),
            false => write!(f, "{name} (process {id}), which listens on {address}"),
        }
    }
}

fn is_in_the_way(held: SocketAddr, wanted: ListenAddress) -> bool {
    let ListenAddress { address, v6_only } = wanted;
    let takes_both = |v6: SocketAddr, v4: SocketAddr| {
        v6.is_ipv6() && v6.ip().is_unspecified() && v4.is_ipv4() && v6.port() == v4.port()
    };
    overlap(held, address) || takes_both(held, address) || (!v6_only && takes_both(address, held))
}

/// The first process that has the socket open.
fn process(socket: &Listening) -> Option<Holder> {
    let link = format!("socket:[{}]", socket.inode);
    let has_it = |id: &u32| {
        let descriptors = fs::read_dir(format!("/proc/{id}/fd")).into_iter().flatten().flatten();
        let mut links = descriptors.filter_map(|entry| fs::read_link(entry.path()).ok());
        links.any(|target| target.as_os_str() == link.as_str())
    };
    let processes = fs::read_dir("/proc").ok()?.flatten();
    let mut ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let id = ids.find(has_it)?;
    let name = fs::read_to_string(format!("/proc/{id}/comm")).unwrap_or_default();
    let program = program(&id.to_string());
    // Whatever its name: packagers and users of configurable-http-proxy rename it.
    let is_ebbtide = program.as_deref() == Some("ebbtide")
        || (program.is_some() && program == self::program("self"));
    Some(Holder { id, name: name.trim_end().to_owned(), address: socket.address, is_ebbtide })
}

/// The name of the file that a process runs.
fn program(id: &str) -> Option<String> {
    let path = fs::read_link(format!("/proc/{id}/exe")).ok()?;
    let name = path.file_name()?.to_str()?;
    // The file may have been replaced by a new version.
    Some(name.strip_suffix(" (deleted)").unwrap_or(name).to_owned())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn wanted(address: &str, v6_only: bool) -> ListenAddress {
        ListenAddress { address: address.parse().unwrap(), v6_only }
    }

    #[test]
    fn what_is_in_the_way() {
        let blocks = |held: &str, wanted| is_in_the_way(held.parse().unwrap(), wanted);
        for (held, address) in [
            ("127.0.0.1:80", "127.0.0.1:80"),
            ("0.0.0.0:80", "127.0.0.1:80"),
            ("[::]:80", "127.0.0.1:80"),
            ("127.0.0.1:80", "[::]:80"),
            ("[::1]:80", "[::]:80"),
        ] {
            assert!(blocks(held, wanted(address, false)), "{held} {address}");
        }
        assert!(!blocks("127.0.0.1:80", wanted("[::]:80", true)));
        for (held, address) in [
            ("127.0.0.1:80", "127.0.0.1:81"),
            ("[::]:81", "127.0.0.1:80"),
            ("[::1]:80", "127.0.0.1:80"),
            ("127.0.0.2:80", "127.0.0.1:80"),
        ] {
            assert!(!blocks(held, wanted(address, false)), "{held} {address}");
        }
    }

    #[test]
    fn this_process_is_found_and_not_to_be_replaced() {
        for (any, asked) in
            [("127.0.0.1:0", "127.0.0.1"), ("[::]:0", "127.0.0.1"), ("[::1]:0", "[::]")]
        {
            let listener = TcpListener::bind(any).unwrap();
            let address = listener.local_addr().unwrap();
            let holder =
                Holder::find(wanted(&format!("{asked}:{}", address.port()), false)).unwrap();
            assert_eq!((holder.id, holder.address), (std::process::id(), address));
            assert!(holder.is_ebbtide, "it is the same program");
            assert_eq!(holder.replaceable(), None);
            assert_eq!(
                holder.to_string(),
                format!("this process itself, which listens on {address}")
            );
        }
    }

    #[test]
    fn an_address_that_nobody_listens_on_has_no_holder() {
        let bound = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = bound.local_addr().unwrap();
        drop(bound);
        assert_eq!(Holder::find(ListenAddress { address, v6_only: false }), None);
    }
}
