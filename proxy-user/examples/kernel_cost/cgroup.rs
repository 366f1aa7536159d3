//! A cgroup of this process's own, so that the measured program sees no other process's sockets.

use std::{fs, path::PathBuf};

/// Left and removed when dropped; child processes must have ended by then.
pub(crate) struct Cgroup {
    folder: PathBuf,
    before: PathBuf,
}

impl Cgroup {
    pub(crate) fn enter() -> Cgroup {
        let before = ebbtide::sockets::cgroup::own().unwrap();
        let folder = before.join(format!("ebbtide-cost-{}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        let cgroup = Cgroup { folder, before };
        fs::write(cgroup.folder.join("cgroup.procs"), "0").unwrap();
        cgroup
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        let left = fs::write(self.before.join("cgroup.procs"), "0")
            .and_then(|()| fs::remove_dir(&self.folder));
        if let Err(error) = left {
            eprintln!("a cgroup stays behind: {error}");
        }
    }
}
