//! Where the cgroups of apps are: beside the proxy's own, because the program that watches the proxy's sockets
//! must not watch theirs.
//!
//! In the cgroup that Ebbtide is started in, it creates `ebbtide-PID/proxy`, which it moves itself into, and
//! `ebbtide-PID/apps`, with a folder for each running app. Every process that needs `ebbtide-PID` holds a shared
//! lock (flock(2)) on it, which the kernel releases when the process ends: a folder without a lock was abandoned.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use super::cgroup;
use crate::sockets::cgroup as own;

const PREFIX: &str = "ebbtide-";
const PROXY: &str = "proxy";
const APPS: &str = "apps";

/// Time between two checks whether abandoned processes have ended.
const LOOK: Duration = Duration::from_millis(5);
/// How often to check: 2 seconds in all.
const LOOKS: u32 = 400;

/// Why apps cannot have cgroups.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// This process's own cgroup cannot be found.
    #[error(transparent)]
    Unknown(#[from] own::Error),
    /// The kernel refused.
    #[error("cannot make cgroups in {path}: {source}{}", advice(.source))]
    Refused {
        /// The cgroup in which this process was started.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
}

/// How to fix it.
fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            "; a systemd unit needs Delegate=yes; from a shell: systemd-run --user --scope \
             -p Delegate=yes ebbtide …"
        }
        io::ErrorKind::ReadOnlyFilesystem => {
            "; a systemd unit needs ProtectControlGroups=no, a container a writable /sys/fs/cgroup"
        }
        _ => "",
    }
}

/// The folder of this process: created by [`Place::enter`], and left when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    root: PathBuf,
    /// Held while this process may need the folder.
    _lock: File,
}

impl Place {
    /// Moves this process, with all its threads, into a cgroup of its own; its apps get theirs beside it.
    pub(super) fn enter() -> Result<Place, PlaceError> {
        let own = own::own()?;
        let join = |procs: &Path| fs::write(procs, "0");
        Place::make(&own, join).map_err(|source| PlaceError::Refused { path: own, source })
    }

    fn make(own: &Path, join: fn(&Path) -> io::Result<()>) -> io::Result<Place> {
        const TRIES: u32 = 100;
        // The guard gets it as text.
        let own = own.to_str().ok_or(io::ErrorKind::InvalidFilename)?;
        let first = format!("{own}/{PREFIX}{}", std::process::id());
        for number in 1..TRIES {
            // A process in another pid namespace may have the same id.
            let name = if number == 1 { first.clone() } else { format!("{first}-{number}") };
            match Place::at(PathBuf::from(name), join) {
                // It looks abandoned until it is locked, so another Ebbtide may have removed it.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                made => return made,
            }
        }
        Err(io::Error::from(io::ErrorKind::AlreadyExists))
    }

    fn at(root: PathBuf, join: fn(&Path) -> io::Result<()>) -> io::Result<Place> {
        fs::create_dir(&root)?;
        let make = || {
            let lock = lock(&root)?;
            fs::create_dir(root.join(PROXY))?;
            fs::create_dir(root.join(APPS))?;
            join(&root.join(PROXY).join(cgroup::PROCS))?;
            Ok(lock)
        };
        match make() {
            Ok(lock) => Ok(Place { root, _lock: lock }),
            Err(error) => {
                let _ = cgroup::remove(&root);
                Err(error)
            }
        }
    }

    /// The folder of this process.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Where the folders of apps are.
    pub(super) fn apps(&self) -> PathBuf {
        self.root.join(APPS)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Err(error) = leave(&self.root) {
            tracing::debug!(%error, "the cgroups of apps were not removed");
        }
    }
}

/// Locks a place, so that it does not look abandoned.
pub(super) fn lock(root: &Path) -> io::Result<File> {
    let folder = File::open(root)?;
    folder.try_lock_shared().map_err(io::Error::from)?;
    Ok(folder)
}

/// Moves this process to the cgroup around a place, and removes the place unless it has processes.
pub(super) fn leave(root: &Path) -> io::Result<()> {
    if let Some(own) = root.parent() {
        fs::write(own.join(cgroup::PROCS), "0")?;
    }
    cgroup::remove(root)
}

/// Removes a place if nobody has locked it.
pub(super) fn remove_abandoned(root: &Path) {
    if File::open(root).is_ok_and(|folder| folder.try_lock().is_ok()) {
        // A process may have moved there meanwhile.
        let _ = cgroup::remove(root);
    }
}

/// Kills what earlier Ebbtides left in this process's cgroup when they were killed together with their guards.
pub(super) fn end_abandoned() {
    let Ok(own) = own::own() else { return };
    for entry in fs::read_dir(own).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let digits = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
        let is_place = |id: &str| id.split('-').all(|number| number.parse::<u32>().is_ok());
        if !digits.is_some_and(is_place) {
            continue;
        }
        let root = entry.path();
        let Ok(folder) = File::open(&root) else { continue };
        match folder.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock | TryLockError::Error(_)) => continue,
        }
        let apps = root.join(APPS);
        if cgroup::is_populated(&apps) {
            tracing::warn!(
                cgroup = %apps.display(),
                processes = cgroup::processes(&apps).len(),
                "ending apps that an Ebbtide left behind when it was killed"
            );
        }
        // The next Ebbtide finds what SIGKILL has not ended by then.
        for _ in 0..LOOKS {
            cgroup::kill(&apps);
            if !cgroup::is_populated(&apps) && cgroup::remove(&root).is_ok() {
                break;
            }
            thread::sleep(LOOK);
        }
    }
}

/// Checks whether this process could have a place: tries with a child that ends at once, and leaves everything as
/// it was. Returns the cgroup that the place would be in.
///
/// # Errors
/// Why not, and how to fix it.
pub fn examine() -> Result<PathBuf, PlaceError> {
    let own = own::own()?;
    match Place::make(&own, join_by_child) {
        Ok(_) => Ok(own),
        Err(source) => Err(PlaceError::Refused { path: own, source }),
    }
}

fn join_by_child(procs: &Path) -> io::Result<()> {
    const JOINED: i32 = libc::ECANCELED;
    let procs = fs::OpenOptions::new().write(true).open(procs)?;
    let mut command = Command::new("/");
    // SAFETY: write(2) is async-signal-safe, and nothing is allocated. The program is never run.
    unsafe {
        command.pre_exec(move || {
            (&procs).write_all(b"0")?;
            Err(io::Error::from_raw_os_error(JOINED))
        })
    };
    match command.spawn() {
        Err(error) if error.raw_os_error() == Some(JOINED) => Ok(()),
        Err(error) => Err(error),
        Ok(mut child) => child.wait().map(drop),
    }
}
