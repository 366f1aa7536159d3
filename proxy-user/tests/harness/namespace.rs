//! Network namespaces of the test's own, joined by a veth pair: a network whose cable can be cut.
//! Needs root and iproute2.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::process::Command;
use std::sync::Arc;

use super::scratch::{is_stale, unique};

const PREFIX: &str = "ebbtide-blackbox-";

/// Removed, with all its links, when the last handle is dropped.
#[derive(Clone, Debug)]
pub struct Namespace(Arc<Named>);

#[derive(Debug)]
struct Named(String);

impl Namespace {
    /// Fails with the reason when this machine does not let the test make one.
    pub fn create() -> Result<Namespace, String> {
        remove_stale();
        let name = unique(PREFIX);
        ip(&["netns", "add", &name])?;
        let namespace = Namespace(Arc::new(Named(name)));
        namespace.ip(&["link", "set", "lo", "up"])?;
        Ok(namespace)
    }

    fn path(&self) -> String {
        format!("/run/netns/{}", self.0.0)
    }

    /// Runs `ip` inside.
    pub fn ip(&self, words: &[&str]) -> Result<(), String> {
        ip(&[&["-n", self.0.0.as_str()], words].concat())
    }

    /// Joins two namespaces: link `wire` in both, addresses 10.111.0.1 (`a`) and 10.111.0.2 (`b`).
    /// Segments are of a wire's size. In the 64 KiB lumps that a veth passes otherwise, a slow
    /// reader frees its buffer in lumps too: at 4 KB/s its window then stays shut for 31 s, against
    /// 6 s on a wire (measured on Linux 6.18).
    pub fn join(a: &Namespace, b: &Namespace) -> Result<(), String> {
        let peer = ["peer", "name", "wire", "netns", &b.0.0];
        a.ip(&[&["link", "add", "wire", "type", "veth"], peer.as_slice()].concat())?;
        for (end, address) in [(a, "10.111.0.1/24"), (b, "10.111.0.2/24")] {
            end.ip(&["address", "add", address, "dev", "wire"])?;
            end.ip(&["link", "set", "wire", "gso_max_segs", "1", "up"])?;
        }
        Ok(())
    }

    /// The words that, put before a command, run it inside. Only the network changes: `ip netns
    /// exec` would hide the cgroup folder too.
    pub fn wrapper(&self) -> Vec<String> {
        vec!["nsenter".to_owned(), format!("--net={}", self.path())]
    }

    /// Runs `act` on a thread inside; sockets that it makes stay inside for life.
    pub fn inside<T: Send>(&self, act: impl FnOnce() -> T + Send) -> T {
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                let file = File::open(self.path()).unwrap();
                // SAFETY: setns takes a descriptor that lives through the call and changes this
                // thread only, which ends with `act`.
                let outcome = unsafe { libc::setns(file.as_raw_fd(), libc::CLONE_NEWNET) };
                assert_eq!(outcome, 0, "setns: {}", std::io::Error::last_os_error());
                act()
            });
            thread.join().unwrap()
        })
    }
}

/// What killed test runs left behind.
fn remove_stale() {
    for entry in std::fs::read_dir("/run/netns").into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if is_stale(&name, PREFIX) {
            let _ = ip(&["netns", "delete", &name]);
        }
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        let _ = ip(&["netns", "delete", &self.0]);
    }
}

fn ip(words: &[&str]) -> Result<(), String> {
    let output = Command::new("ip").args(words).output().map_err(|e| format!("ip: {e}"))?;
    let message = || format!("ip {words:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.status.success().then_some(()).ok_or_else(message)
}

/// Whether this process is root, read without asking libc.
pub fn is_root() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("Uid:"));
    line.is_some_and(|line| line.split_whitespace().nth(2) == Some("0"))
}
