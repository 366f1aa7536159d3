//! A cgroup (v2) of the test's own, so that a kernel program attached to it sees one proxy only.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::scratch::{is_stale, unique};
use super::wait::within;

const PREFIX: &str = "ebbtide-blackbox-";

/// Removed when the last handle is dropped; drop the proxy in it first.
#[derive(Clone, Debug)]
pub struct Cgroup(Arc<Folder>);

#[derive(Debug)]
struct Folder(PathBuf);

impl Cgroup {
    /// Fails with the reason when this machine does not let the test make one.
    pub fn create() -> Result<Cgroup, String> {
        let mounts = std::fs::read_to_string("/proc/mounts").map_err(|e| e.to_string())?;
        let root = mounts
            .lines()
            .map(|line| line.split(' ').collect::<Vec<_>>())
            .find(|words| words.get(2) == Some(&"cgroup2"))
            .ok_or("no cgroup2 is mounted")?[1];
        remove_stale(Path::new(root));
        let folder = Path::new(root).join(unique(PREFIX));
        std::fs::create_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        Ok(Cgroup(Arc::new(Folder(folder))))
    }

    pub fn path(&self) -> &Path {
        &self.0.0
    }

    /// The names of the cgroups in it.
    pub fn children(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.path()).unwrap().flatten();
        let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        folders.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }

    /// The words that, put before a command, run it inside.
    pub fn wrapper(&self) -> Vec<String> {
        let join = "echo $$ > \"$0/cgroup.procs\" && exec \"$@\"";
        ["sh", "-c", join, &self.0.0.display().to_string()].map(str::to_owned).to_vec()
    }
}

/// What killed test runs left behind.
fn remove_stale(root: &Path) {
    for entry in std::fs::read_dir(root).into_iter().flatten().flatten() {
        if is_stale(&entry.file_name().to_string_lossy(), PREFIX) {
            let _ = std::fs::remove_dir(entry.path());
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Busy until the kernel has let go of the process that just ended.
        within(Duration::from_secs(5), || std::fs::remove_dir(&self.0).ok());
    }
}
