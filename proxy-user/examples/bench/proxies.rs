//! The proxies, each started as a child of this process.

use std::{
    fs,
    net::{SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::settings;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Ebbtide,
    Epoll16,
    Epoll64,
    Tokio,
    Nginx,
    Haproxy,
    Caddy,
    ConfigurableHttpProxy,
}

pub(crate) const KINDS: [Kind; 8] = [
    Kind::Ebbtide,
    Kind::Epoll16,
    Kind::Epoll64,
    Kind::Tokio,
    Kind::Nginx,
    Kind::Haproxy,
    Kind::Caddy,
    Kind::ConfigurableHttpProxy,
];

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Ebbtide => "Ebbtide",
            Kind::Epoll16 => "epoll 16 KiB",
            Kind::Epoll64 => "epoll 64 KiB",
            Kind::Tokio => "tokio relay",
            Kind::Nginx => "nginx",
            Kind::Haproxy => "HAProxy",
            Kind::Caddy => "Caddy",
            Kind::ConfigurableHttpProxy => "CHP",
        }
    }

    /// What prints its version.
    fn version(self) -> &'static [&'static str] {
        match self {
            Kind::Nginx => &["nginx", "-v"],
            Kind::Haproxy => &["haproxy", "-v"],
            Kind::Caddy => &["caddy", "version"],
            Kind::ConfigurableHttpProxy => &["configurable-http-proxy", "--version"],
            Kind::Ebbtide | Kind::Epoll16 | Kind::Epoll64 | Kind::Tokio => &[],
        }
    }
}

/// What all proxies are started with.
pub(crate) struct Programs {
    pub(crate) ebbtide: String,
    pub(crate) workers: usize,
}

/// A proxy that takes connections; it ends when dropped.
pub(crate) struct Running {
    kind: Kind,
    child: Child,
    version: String,
    pub(crate) address: SocketAddr,
    folder: PathBuf,
    cgroup: Option<PathBuf>,
}

impl Programs {
    /// Starts a proxy before this upstream; `None` if it is not installed or does not start.
    pub(crate) fn start(&self, kind: Kind, upstream: SocketAddr) -> Option<Running> {
        let Some(version) = version(kind) else {
            eprintln!("{} is not installed: left out", kind.name());
            return None;
        };
        let (listen, admin) = (free(), free());
        let process = std::process::id();
        let folder =
            std::env::temp_dir().join(format!("ebbtide-bench-{process}-{}", listen.port()));
        fs::create_dir_all(&folder).unwrap();
        let cgroup = (kind == Kind::Ebbtide).then(|| own_cgroup(listen.port())).flatten();
        let words = self.words(kind, listen, admin, upstream, &folder);
        let mut command = Command::new("sh");
        // Ebbtide has a cgroup of its own, as in production: its kernel program then sees no other
        // proxy's sockets.
        let script = "if [ -n \"$0\" ]; then echo $$ > \"$0/cgroup.procs\"; fi; exec \"$@\"";
        let cgroup_name = cgroup.as_ref().map_or(String::new(), |path| path.display().to_string());
        command.args(["-c", script, &cgroup_name]);
        if self.workers == 1 {
            command.args(["taskset", "-c", "0"]);
        } else {
            let last = std::thread::available_parallelism().map_or(1, usize::from).max(2);
            command.args(["taskset", "-c", &format!("0-{}", last.max(self.workers) - 1)]);
        }
        let log = fs::File::create(folder.join("log")).unwrap();
        let child = command
            .args(&words)
            .env("GOMAXPROCS", self.workers.to_string())
            .env("HOME", &folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut running = Running { kind, child, version, address: listen, folder, cgroup };
        let deadline = Instant::now() + Duration::from_secs(15);
        while TcpStream::connect(listen).is_err() {
            let ended = running.child.try_wait().unwrap().is_some();
            if ended || Instant::now() > deadline {
                let log = fs::read_to_string(running.folder.join("log")).unwrap_or_default();
                eprintln!("{} does not start: {log}", kind.name());
                return None;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(running)
    }

    /// The command line.
    fn words(
        &self,
        kind: Kind,
        listen: SocketAddr,
        admin: SocketAddr,
        upstream: SocketAddr,
        folder: &std::path::Path,
    ) -> Vec<String> {
        let settings = folder.join("settings");
        let folder = folder.display().to_string();
        let text = match kind {
            Kind::Ebbtide => settings::ebbtide(listen, admin, upstream, self.workers),
            Kind::Nginx => settings::nginx(listen, upstream, &folder, self.workers),
            Kind::Haproxy => settings::haproxy(listen, upstream, self.workers),
            Kind::Caddy => settings::caddy(listen, upstream),
            Kind::Epoll16 | Kind::Epoll64 | Kind::Tokio | Kind::ConfigurableHttpProxy => {
                String::new()
            }
        };
        fs::write(&settings, text).unwrap();
        let settings = settings.display().to_string();
        let own = std::env::current_exe().unwrap().display().to_string();
        let (at, to) = (listen.to_string(), upstream.to_string());
        let words = match kind {
            Kind::Ebbtide => vec![&self.ebbtide, "run", "--log", "warn", "--config", &settings],
            Kind::Epoll16 => vec![&own, "relay-epoll", &at, &to, "16384"],
            Kind::Epoll64 => vec![&own, "relay-epoll", &at, &to, "65536"],
            Kind::Tokio => vec![&own, "relay-tokio", &at, &to, "16384"],
            Kind::Nginx => vec!["nginx", "-p", &folder, "-c", &settings],
            Kind::Haproxy => vec!["haproxy", "-f", &settings],
            Kind::Caddy => vec!["caddy", "run", "--adapter", "caddyfile", "--config", &settings],
            Kind::ConfigurableHttpProxy => {
                let (port, admin) = (listen.port().to_string(), admin.port().to_string());
                let target = format!("http://{upstream}");
                let words = [
                    ["configurable-http-proxy", "--log-level", "error", "--ip", "127.0.0.1"]
                        .as_slice(),
                    &["--port", &port, "--api-ip", "127.0.0.1", "--api-port", &admin],
                    &["--default-target", &target],
                ];
                return words.concat().into_iter().map(str::to_owned).collect();
            }
        };
        words.into_iter().map(str::to_owned).collect()
    }
}

impl Running {
    pub(crate) fn name(&self) -> &'static str {
        self.kind.name()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Name and version.
    pub(crate) fn described(&self) -> String {
        format!("{} {}", self.name(), self.version).trim().to_owned()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // SAFETY: the child has not been waited for, so the number is still its own.
        unsafe { libc::kill(self.child.id().cast_signed(), libc::SIGTERM) };
        let deadline = Instant::now() + Duration::from_secs(2);
        while self.child.try_wait().unwrap().is_none() {
            if Instant::now() > deadline {
                let _ = self.child.kill();
                let _ = self.child.wait();
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = fs::remove_dir_all(&self.folder);
        if let Some(cgroup) = &self.cgroup {
            let _ = fs::remove_dir(cgroup);
        }
    }
}

/// An address that nobody listens on.
fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn own_cgroup(port: u16) -> Option<PathBuf> {
    let folder = ebbtide::sockets::cgroup::own().ok()?;
    let folder = folder.join(format!("ebbtide-bench-{}-{port}", std::process::id()));
    fs::create_dir(&folder).ok().map(|()| folder)
}

/// The version as the program says it, empty for our own; `None` = it is not there.
fn version(kind: Kind) -> Option<String> {
    let [program, flag] = kind.version() else { return Some(String::new()) };
    let output = Command::new(program).arg(flag).output().ok()?;
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    let starts = |word: &&str| word.starts_with(|first: char| first.is_ascii_digit());
    let words = || text.split(|mark: char| mark.is_whitespace() || mark == '/');
    words().find(starts).map(str::to_owned)
}
