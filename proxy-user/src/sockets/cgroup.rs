//! Finds the cgroup v2 directory of this process, to which the kernel programs are attached.
//!
//! The parsing is pure; only `own` reads files. Nothing here changes a cgroup.

use std::{
    ffi::OsString,
    fs, io,
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::{Path, PathBuf},
};

/// Why this process's cgroup v2 directory is unknown.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `/proc` could not be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: &'static str,
        /// The system's error.
        source: io::Error,
    },
    /// `/proc/self/cgroup` has no line `0::`.
    #[error("this process is not in a cgroup v2 (no line \"0::\" in /proc/self/cgroup)")]
    NoMembership,
    /// No cgroup2 file system is mounted where this process can see it.
    #[error("no cgroup2 file system is mounted (try mount -t cgroup2 none DIRECTORY)")]
    NotMounted,
    /// The mount shows a different part of the hierarchy.
    #[error("the mounted cgroup2 file system does not show this process's cgroup {0}")]
    NotShown(PathBuf),
}

/// Why programs cannot be attached to a directory.
#[derive(Debug, thiserror::Error)]
pub enum NoCgroup {
    /// It does not exist or cannot be accessed.
    #[error("{}: {source}", path.display())]
    Missing {
        /// The directory.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The directory is not in a cgroup2 file system.
    #[error("{}: not a cgroup v2 directory (it has no cgroup.controllers)", .0.display())]
    Other(PathBuf),
}

/// Checks that a directory is a cgroup v2 one.
///
/// # Errors
/// See [`NoCgroup`].
pub fn check(path: &Path) -> Result<(), NoCgroup> {
    fs::metadata(path).map_err(|source| NoCgroup::Missing { path: path.to_path_buf(), source })?;
    // In version 1 they have a cgroup.procs too (cgroups(7)).
    match path.join("cgroup.controllers").is_file() {
        true => Ok(()),
        false => Err(NoCgroup::Other(path.to_path_buf())),
    }
}

/// The cgroup v2 directory of this process.
///
/// # Errors
/// See [`Error`].
pub fn own() -> Result<PathBuf, Error> {
    const CGROUP: &str = "/proc/self/cgroup";
    const MOUNTS: &str = "/proc/self/mountinfo";
    let read = |path| fs::read(path).map_err(|source| Error::Read { path, source });
    let membership = membership(&read(CGROUP)?).ok_or(Error::NoMembership)?;
    let mounts = mounts(&read(MOUNTS)?);
    if mounts.is_empty() {
        return Err(Error::NotMounted);
    }
    mounts
        .iter()
        .find_map(|mount| mount.folder_of(&membership))
        .filter(|folder| folder.is_dir())
        .ok_or(Error::NotShown(membership))
}

/// A cgroup2 mount: which part of the hierarchy it shows, and where.
#[derive(Debug, PartialEq, Eq)]
struct Mount {
    root: PathBuf,
    point: PathBuf,
}

impl Mount {
    fn folder_of(&self, membership: &Path) -> Option<PathBuf> {
        let inside = membership.strip_prefix(&self.root).ok()?;
        // Joining an empty path would add a slash.
        Some(self.point.components().chain(inside.components()).collect())
    }
}

/// The path in the unified hierarchy, from the line `0::PATH` (cgroups(7)).
fn membership(proc_cgroup: &[u8]) -> Option<PathBuf> {
    proc_cgroup
        .split(|byte| *byte == b'\n')
        .find_map(|line| line.strip_prefix(b"0::"))
        .map(|path| PathBuf::from(OsString::from_vec(path.to_vec())))
}

/// The cgroup2 mounts in a `mountinfo` (proc_pid_mountinfo(5)): fields 4 and 5 are root and mount point, the
/// type follows the field `-`.
fn mounts(mountinfo: &[u8]) -> Vec<Mount> {
    mountinfo
        .split(|byte| *byte == b'\n')
        .filter_map(|line| {
            let fields: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
            let dash = fields.iter().position(|field| *field == b"-")?;
            if *fields.get(dash + 1)? != b"cgroup2" {
                return None;
            }
            Some(Mount { root: unescape(fields.get(3)?), point: unescape(fields.get(4)?) })
        })
        .collect()
}

/// `mountinfo` writes spaces and backslashes as `\` and three octal digits.
fn unescape(field: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, tail)) = rest.split_first() {
        let octal = tail
            .get(..3)
            .filter(|_| *first == b'\\')
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        bytes.push(octal.unwrap_or(*first));
        rest = if octal.is_some() { tail.get(3..).unwrap_or_default() } else { tail };
    }
    PathBuf::from(std::ffi::OsStr::from_bytes(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID: &[u8] = b"30 23 0:26 / /sys/fs/cgroup ro - tmpfs tmpfs ro\n\
        32 30 0:28 / /sys/fs/cgroup/uni\\040fied rw,nosuid shared:10 - cgroup2 cgroup2 rw\n";

    #[test]
    fn takes_the_unified_line() {
        assert_eq!(membership(b"4:memory:/a\n0::/b/c\n"), Some("/b/c".into()));
        assert_eq!(membership(b"4:memory:/a\n"), None);
        assert_eq!(membership(b""), None);
    }

    #[test]
    fn finds_the_mount_beside_v1_hierarchies() {
        let mounts = mounts(HYBRID);
        assert_eq!(mounts, [Mount { root: "/".into(), point: "/sys/fs/cgroup/uni fied".into() }]);
        assert_eq!(
            mounts[0].folder_of(Path::new("/b/c")),
            Some("/sys/fs/cgroup/uni fied/b/c".into())
        );
    }

    #[test]
    fn a_mount_that_shows_a_part_only_is_stripped_of_it() {
        let mount = Mount { root: "/pods/x".into(), point: "/sys/fs/cgroup".into() };
        assert_eq!(mount.folder_of(Path::new("/pods/x/y")), Some("/sys/fs/cgroup/y".into()));
        assert_eq!(mount.folder_of(Path::new("/pods/x")), Some("/sys/fs/cgroup".into()));
        assert_eq!(mount.folder_of(Path::new("/other")), None);
    }

    #[test]
    fn broken_lines_are_passed_over() {
        assert_eq!(mounts(b"- cgroup2\n\n1 2 3\n1 2 3 4 - \n"), []);
    }
}
