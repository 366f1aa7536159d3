//! The proxy under measurement, and what the kernel and its metrics say of it.

use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

pub(crate) struct Subject {
    child: Child,
    pub(crate) address: SocketAddr,
    admin: SocketAddr,
    folder: PathBuf,
}

impl Subject {
    pub(crate) fn start(ebbtide: &str, upstream: SocketAddr, interval: &str) -> Subject {
        let (address, admin) = (free(), free());
        let folder = std::env::temp_dir().join(format!("ebbtide-keepalive-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let config = folder.join("ebbtide.toml");
        let text = format!(
            "listen = [\"{address}\"]\nadmin = \"{admin}\"\nworkers = 1\n[keepalive]\n\
             interval = \"{interval}\"\n[[app]]\nname = \"demo\"\nupstream = \"http://{upstream}\"\n"
        );
        fs::write(&config, text).unwrap();
        let child = Command::new(ebbtide)
            .args(["run", "--log", "warn", "--config"])
            .arg(&config)
            .stdin(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{ebbtide}: {error}"));
        let subject = Subject { child, address, admin, folder };
        let deadline = Instant::now() + Duration::from_secs(15);
        while TcpStream::connect(address).is_err() {
            assert!(Instant::now() < deadline, "it does not listen");
            thread::sleep(Duration::from_millis(20));
        }
        subject
    }

    /// Processor time so far.
    pub(crate) fn cpu(&self) -> Duration {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap().flatten();
        let ns = tasks.map(|task| {
            let text = fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
            text.split(' ').next().and_then(|ns| ns.parse::<u64>().ok()).unwrap_or(0)
        });
        Duration::from_nanos(ns.sum())
    }

    /// Pings to clients and to the app.
    pub(crate) fn pings(&self) -> [u64; 2] {
        let metrics = self.metrics();
        ["client", "app"].map(|leg| {
            let labels = format!("ebbtide_pings_total{{app=\"demo\",leg=\"{leg}\"}} ");
            metrics.lines().find_map(|l| l.strip_prefix(&labels)?.parse().ok()).unwrap_or(0)
        })
    }

    /// Who writes the rows of its sockets.
    pub(crate) fn source(&self) -> String {
        let metrics = self.metrics();
        let line = metrics.lines().find(|line| line.starts_with("ebbtide_socket_source{"));
        line.and_then(|line| line.split('"').nth(1)).unwrap_or("?").to_owned()
    }

    fn metrics(&self) -> String {
        let mut stream = TcpStream::connect(self.admin).unwrap();
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}
