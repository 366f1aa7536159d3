//! The members of a cgroup: its folders' ids, its processes, their sockets and network namespaces.
//!
//! Only reads. Processes come and go meanwhile: those that are gone are skipped.

use std::{
    collections::{HashMap, HashSet},
    fs::{self, File},
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// The file that lists a cgroup's processes, and marks a folder as a cgroup.
pub(super) const PROCESSES: &str = "cgroup.procs";

/// The folder and all below it.
fn folders(cgroup: &Path) -> Vec<PathBuf> {
    let mut found = vec![cgroup.to_path_buf()];
    let mut next = 0;
    while let Some(folder) = found.get(next) {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let inside: Vec<PathBuf> = entries
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
            .map(|entry| entry.path())
            .collect();
        found.extend(inside);
        next += 1;
    }
    found
}

/// The ids of the cgroup and of all below it, as the kernel reports them for sockets: the inodes of their
/// folders (64-bit since Linux 5.5).
pub(super) fn ids(cgroup: &Path) -> HashSet<u64> {
    folders(cgroup).iter().filter_map(|folder| Some(fs::metadata(folder).ok()?.ino())).collect()
}

/// The processes in the cgroup and all below it.
pub(super) fn processes(cgroup: &Path) -> Vec<u32> {
    folders(cgroup)
        .iter()
        // The list of a threaded cgroup cannot be read; its processes are in its parent's list.
        .filter_map(|folder| fs::read_to_string(folder.join(PROCESSES)).ok())
        .flat_map(|list| list.lines().filter_map(|id| id.parse().ok()).collect::<Vec<_>>())
        // Processes of another pid namespace are listed as 0.
        .filter(|id| *id != 0)
        .collect()
}

/// The inodes of all sockets that these processes have open.
pub(super) fn socket_inodes(processes: &[u32]) -> HashSet<u32> {
    let descriptors = processes
        .iter()
        .filter_map(|id| fs::read_dir(format!("/proc/{id}/fd")).ok())
        .flat_map(|entries| entries.flatten());
    descriptors
        .filter_map(|entry| socket_inode(fs::read_link(entry.path()).ok()?.to_str()?))
        .collect()
}

/// The number in `socket:[4711]`.
fn socket_inode(link: &str) -> Option<u32> {
    link.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

/// The network namespaces of these processes by inode, each as an open file, and whether some are not
/// visible (another user's, without CAP_SYS_PTRACE).
pub(super) fn namespaces(processes: &[u32]) -> (HashMap<u64, File>, bool) {
    let (mut found, mut hidden) = (HashMap::new(), false);
    for id in processes {
        match File::open(format!("/proc/{id}/ns/net")) {
            Ok(file) => {
                if let Ok(inode) = file.metadata().map(|namespace| namespace.ino()) {
                    found.entry(inode).or_insert(file);
                }
            }
            Err(error) => hidden |= error.kind() == io::ErrorKind::PermissionDenied,
        }
    }
    (found, hidden)
}

/// The calling thread's network namespace, as above.
pub(super) fn own_namespace() -> io::Result<(u64, File)> {
    let file = File::open("/proc/thread-self/ns/net")?;
    Ok((file.metadata()?.ino(), file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_s_link_has_its_inode() {
        assert_eq!(socket_inode("socket:[4711]"), Some(4711));
        for other in ["pipe:[4711]", "socket:[x]", "socket:[1", "/dev/null", ""] {
            assert_eq!(socket_inode(other), None, "{other}");
        }
    }

    #[test]
    fn own_sockets_and_namespace_are_found() {
        let own = std::process::id();
        let before = socket_inodes(&[own]).len();
        let _socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        assert!(before < socket_inodes(&[own]).len());
        assert!(namespaces(&[own]).0.contains_key(&own_namespace().unwrap().0));
        let (none, hidden) = namespaces(&[u32::MAX]);
        assert!(none.is_empty() && !hidden && socket_inodes(&[u32::MAX]).is_empty());
    }
}
