//! The proxy under measurement, and what the kernel says of it.

use std::{
    fs,
    net::{SocketAddr, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// Where clients connect.
pub(crate) const PORT: u16 = 18080;

pub(crate) struct Subject {
    child: Child,
    folder: PathBuf,
    upstream: SocketAddr,
}

/// Memory in KiB.
#[derive(Clone, Copy)]
pub(crate) struct Memory {
    pub(crate) resident: f64,
    pub(crate) send: f64,
    pub(crate) receive: f64,
}

impl Subject {
    pub(crate) fn start(ebbtide: &str, upstream: SocketAddr) -> Subject {
        let folder = std::env::temp_dir().join(format!("ebbtide-plain-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let config = folder.join("ebbtide.toml");
        let text = format!(
            "listen = [\"0.0.0.0:{PORT}\"]\nadmin = \"127.0.0.1:19090\"\nworkers = 1\n\
             [sockets]\nsource = \"tcp-info\"\n\
             [[app]]\nname = \"demo\"\nupstream = \"http://{upstream}\"\n"
        );
        fs::write(&config, text).unwrap();
        let child = Command::new(ebbtide)
            .args(["run", "--log", "error", "--config"])
            .arg(&config)
            .stdin(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{ebbtide}: {error}"));
        let subject = Subject { child, folder, upstream };
        let deadline = Instant::now() + Duration::from_secs(15);
        while subject.connect().is_none() {
            assert!(Instant::now() < deadline, "it does not listen");
            thread::sleep(Duration::from_millis(20));
        }
        subject
    }

    pub(crate) fn connect(&self) -> Option<TcpStream> {
        TcpStream::connect(("127.0.0.1", PORT)).ok()
    }

    /// Processor time so far, in seconds.
    pub(crate) fn cpu(&self) -> f64 {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap().flatten();
        let ns = tasks.map(|task| {
            let text = fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
            text.split(' ').next().and_then(|ns| ns.parse::<u64>().ok()).unwrap_or(0)
        });
        ns.sum::<u64>() as f64 / 1e9
    }

    /// What it holds: its resident memory, and what the kernel accounts to the queues of its sockets.
    pub(crate) fn memory(&self) -> Memory {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        let resident = line.trim().trim_end_matches(" kB").parse().unwrap();
        let own = format!("sport = :{PORT} or dport = :{}", self.upstream.port());
        let output = Command::new("ss").args(["-tmnHO", &own]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let sum = |name: char| {
            let fields = text.lines().filter_map(|line| {
                let memory = line.split_once("skmem:(")?.1.trim_end().trim_end_matches(')');
                let field = memory.split(',').find_map(|field| {
                    field
                        .strip_prefix(name)
                        .filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
                });
                field?.parse::<f64>().ok()
            });
            fields.sum::<f64>() / 1024.0
        };
        Memory { resident, send: sum('w'), receive: sum('r') }
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}
