//! Where the cgroups of apps lie: beside the proxy's own, as what watches the proxy's sockets is not to
//! watch theirs.
//!
//! In the cgroup in which Ebbtide is started it makes `ebbtide-PID/proxy`, which it moves itself into, and
//! `ebbtide-PID/apps`, with a folder for each app that runs. Whoever has a use for `ebbtide-PID` holds a
//! shared lock (flock(2)) on it, which the kernel takes away with its holder: what nobody holds was left
//! behind.

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

/// Between two looks whether what was left behind has ended.
const LOOK: Duration = Duration::from_millis(5);
/// So many looks: 2 seconds.
const LOOKS: u32 = 400;

/// Why apps cannot have cgroups.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// This process's own cgroup is not known.
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

/// What to do about it.
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

/// The folder of this process, made by [`Place::enter`] and left when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    root: PathBuf,
    /// Held as long as this process may need it.
    _lock: File,
}

impl Place {
    /// Moves this process, with all its threads, into a folder beside which those of its apps can be.
    pub(super) fn enter() -> Result<Place, PlaceError> {
        let own = own::own()?;
        let join = |procs: &Path| fs::write(procs, "0");
        Place::make(&own, join).map_err(|source| PlaceError::Refused { path: own, source })
    }

    fn make(own: &Path, join: fn(&Path) -> io::Result<()>) -> io::Result<Place> {
        const TRIES: u32 = 100;
        // The guard is told of it as text.
        let own = own.to_str().ok_or(io::ErrorKind::InvalidFilename)?;
        let first = format!("{own}/{PREFIX}{}", std::process::id());
        for number in 1..TRIES {
            // Processes of other pid namespaces may have the same id.
            let name = if number == 1 { first.clone() } else { format!("{first}-{number}") };
            match Place::at(PathBuf::from(name), join) {
                // Until it is locked it looks abandoned, and may be removed.
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

    /// The folder that this process may make folders in.
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

/// Holds a place, so that nobody takes it for abandoned.
pub(super) fn lock(root: &Path) -> io::Result<File> {
    let folder = File::open(root)?;
    folder.try_lock_shared().map_err(io::Error::from)?;
    Ok(folder)
}

/// Leaves a place for the cgroup around it, and removes it unless processes are there.
pub(super) fn leave(root: &Path) -> io::Result<()> {
    if let Some(own) = root.parent() {
        fs::write(own.join(cgroup::PROCS), "0")?;
    }
    cgroup::remove(root)
}

/// Removes a place that nobody holds.
pub(super) fn remove_abandoned(root: &Path) {
    if File::open(root).is_ok_and(|folder| folder.try_lock().is_ok()) {
        // Somebody may have gone there meanwhile.
        let _ = cgroup::remove(root);
    }
}

/// Ends what earlier Ebbtides left in this process's cgroup: those that were killed together with their
/// guards.
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
        // What even SIGKILL does not end in this time is found by the next one.
        for _ in 0..LOOKS {
            cgroup::kill(&apps);
            if !cgroup::is_populated(&apps) && cgroup::remove(&root).is_ok() {
                break;
            }
            thread::sleep(LOOK);
        }
    }
}

/// Whether a process of this one's may have a place: tries it with one that ends at once, and leaves everything
/// as it was. The cgroup that it would be made in.
///
/// # Errors
/// Why not, and what to do.
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
