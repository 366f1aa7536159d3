//! What stays on the cgroup when the table is gone.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    os::fd::AsRawFd,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use ebbtide::sockets::{Options, Sockets, SourceWish, cgroup};

use crate::{HOLD, support::eventually};

/// A cgroup without processes inside this one's.
struct Empty(PathBuf);

impl Empty {
    fn new(name: &str) -> Empty {
        let folder = cgroup::own().unwrap().join(name);
        fs::create_dir(&folder).unwrap();
        Empty(folder)
    }
}

impl Drop for Empty {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir(&self.0) {
            eprintln!("{} stays behind: {error}", self.0.display());
        }
    }
}

fn open(cgroup: &Path) -> Sockets {
    let cgroup = Some(cgroup.to_path_buf());
    Sockets::open(&Options { source: SourceWish::Ebpf, cgroup, ..Options::default() }).unwrap()
}

/// How many sockops programs the kernel has on this cgroup itself.
fn attached(cgroup: &Path) -> u32 {
    /// The part of `union bpf_attr` that BPF_PROG_QUERY uses.
    #[repr(C)]
    #[derive(Default)]
    struct Query {
        target_fd: u32,
        attach_type: u32,
        query_flags: u32,
        attach_flags: u32,
        prog_ids: u64,
        prog_cnt: u32,
        unused: [u32; 13],
    }
    const BPF_PROG_QUERY: libc::c_long = 16;
    const BPF_CGROUP_SOCK_OPS: u32 = 3;
    let folder = File::open(cgroup).unwrap();
    let mut query = Query {
        target_fd: u32::try_from(folder.as_raw_fd()).unwrap(),
        attach_type: BPF_CGROUP_SOCK_OPS,
        ..Query::default()
    };
    // SAFETY: the kernel reads and writes at most the given size of a live structure.
    let result =
        unsafe { libc::syscall(libc::SYS_bpf, BPF_PROG_QUERY, &raw mut query, size_of::<Query>()) };
    assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
    query.prog_cnt
}

pub(crate) fn nothing_attached_after_drop() {
    let cgroup = Empty::new("drop");
    let sockets = open(&cgroup.0);
    let clone = sockets.clone();
    drop(sockets);
    assert_eq!(attached(&cgroup.0), 1);
    drop(clone);
    eventually("nothing attached", || attached(&cgroup.0) == 0);
}

pub(crate) fn nothing_attached_after_sigkill() {
    let cgroup = Empty::new("kill");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .env(HOLD, &cgroup.0)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!((line.as_str(), attached(&cgroup.0)), ("held\n", 1));
    child.kill().unwrap();
    child.wait().unwrap();
    eventually("nothing attached", || attached(&cgroup.0) == 0);
    // And the place is free for the next start.
    drop(open(&cgroup.0));
}

/// The child's part: attaches, says so and waits to be killed.
pub(crate) fn hold(cgroup: PathBuf) -> ! {
    let _sockets = open(&cgroup);
    println!("held");
    loop {
        std::thread::sleep(Duration::from_secs(3600));
    }
}
