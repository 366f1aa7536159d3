//! The processes of one cgroup (v2) and all cgroups below it. These are small kernel files, so nothing blocks.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::table;

/// The file that lists the processes of a cgroup and moves processes into it.
pub(super) const PROCS: &str = "cgroup.procs";

/// Whether it or a cgroup below has a process. One that cannot be read, for lack of a descriptor, counts as
/// populated; one that does not exist does not.
pub(super) fn is_populated(cgroup: &Path) -> bool {
    match fs::read_to_string(cgroup.join("cgroup.events")) {
        Ok(events) => events.lines().any(|line| line == "populated 1"),
        Err(error) => !is_gone(&error),
    }
}

/// Reading a file of a cgroup that is being removed fails with ENODEV.
fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(libc::ENODEV)
}

/// The processes in it and below. The kernel does not show those of another pid namespace.
pub(super) fn processes(cgroup: &Path) -> Vec<i32> {
    let mut all = Vec::new();
    walk(cgroup, &mut |folder| {
        let list = fs::read_to_string(folder.join(PROCS)).unwrap_or_default();
        all.extend(list.lines().filter_map(|id| id.parse::<i32>().ok()).filter(|id| *id > 0));
    });
    all
}

/// The CPU time of all processes that have ever been in it or below.
pub(super) fn cpu_time(cgroup: &Path) -> Option<Duration> {
    let stat = fs::read_to_string(cgroup.join("cpu.stat")).ok()?;
    let usage = stat.lines().find_map(|line| line.strip_prefix("usage_usec "))?;
    usage.parse().ok().map(Duration::from_micros)
}

/// Kills all processes in it and below. Before Linux 5.14, processes forked meanwhile may survive: call it until
/// none is left.
pub(super) fn kill(cgroup: &Path) {
    if fs::write(cgroup.join("cgroup.kill"), "1").is_err() {
        processes(cgroup).into_iter().for_each(|id| table::signal(id, libc::SIGKILL));
    }
}

/// Removes it and all cgroups below, except those that have processes.
///
/// # Errors
/// As rmdir(2) fails for one of them.
pub(super) fn remove(cgroup: &Path) -> io::Result<()> {
    let mut folders = Vec::new();
    walk(cgroup, &mut |folder| folders.push(folder.to_owned()));
    let mut outcome = Ok(());
    for folder in folders.iter().rev() {
        match fs::remove_dir(folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => outcome = Err(error),
            _ => {}
        }
    }
    outcome
}

/// Visits a folder, then those below it.
fn walk(folder: &Path, visit: &mut impl FnMut(&Path)) {
    visit(folder);
    for below in fs::read_dir(folder).into_iter().flatten().flatten() {
        if below.file_type().is_ok_and(|kind| kind.is_dir()) {
            walk(&below.path(), visit);
        }
    }
}

/// Creates a folder for a run of an app. A name that could be a kernel file's (`cgroup.procs`, `memory.max`) is
/// changed, and it gets a number while an earlier run is still ending.
///
/// # Errors
/// As mkdir(2) fails.
pub(super) fn create(apps: &Path, app: &str) -> io::Result<PathBuf> {
    const TRIES: u32 = 1000;
    let name = if app.contains('.') { format!("_{app}") } else { app.to_owned() };
    let numbered = (2..TRIES).map(|number| format!("{name}~{number}"));
    for name in std::iter::once(name.clone()).chain(numbered) {
        let folder = apps.join(name);
        match fs::create_dir(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::from(io::ErrorKind::AlreadyExists))
}
