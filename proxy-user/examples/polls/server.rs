//! A server under measurement.

use std::{
    fmt::Write,
    fs,
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

pub(crate) struct Server {
    pub(crate) name: &'static str,
    /// What it answers to a poll.
    pub(crate) status: u16,
    pub(crate) address: SocketAddr,
    child: Child,
    folder: PathBuf,
}

impl Server {
    /// Ebbtide with so many apps, none of which runs. One that is started leaves a line in a file.
    pub(crate) fn ebbtide(binary: &str, apps: usize) -> Server {
        let (address, folder) = (free(), folder("ebbtide"));
        let started = folder.join("started");
        let mut text = format!(
            "listen = [\"{address}\"]\nadmin = \"{}\"\nworkers = 1\n[sockets]\nsource = \"tcp-info\"\n",
            free()
        );
        for app in 0..apps {
            write!(
                text,
                "[[app]]\nname = \"app-{app}\"\nhosts = [\"app-{app}.test\"]\npacks = [\"streamlit\"]\n\
                 idle_after = \"15m\"\n[app.driver]\nkind = \"process\"\n\
                 command = [\"sh\", \"-c\", \"echo app-{app} >> {}\"]\n",
                started.display()
            )
            .unwrap();
        }
        fs::write(folder.join("settings"), text).unwrap();
        let words = [binary, "run", "--config"];
        Server::start("Ebbtide, suspended apps", 503, address, folder, &words)
    }

    /// nginx that has nothing.
    pub(crate) fn nginx() -> Server {
        let (address, folder) = (free(), folder("nginx"));
        let own = folder.display();
        let text = format!(
            "worker_processes 1;\ndaemon off;\npid {own}/pid;\nerror_log {own}/errors warn;\n\
             events {{ worker_connections 1000; }}\n\
             http {{\n  access_log off;\n  keepalive_requests 100000000;\n\
             client_body_temp_path {own}/1;\n  proxy_temp_path {own}/2;\n  fastcgi_temp_path {own}/3;\n\
             uwsgi_temp_path {own}/4;\n  scgi_temp_path {own}/5;\n\
             server {{ listen {address}; return 404; }} }}\n"
        );
        fs::write(folder.join("settings"), text).unwrap();
        Server::start("nginx, `return 404`", 404, address, folder, &["nginx", "-c"])
    }

    fn start(
        name: &'static str,
        status: u16,
        address: SocketAddr,
        folder: PathBuf,
        words: &[&str],
    ) -> Server {
        let log = fs::File::create(folder.join("log")).unwrap();
        let child = Command::new(words[0])
            .args(&words[1..])
            .arg(folder.join("settings"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", words[0]));
        let server = Server { name, status, address, child, folder };
        let deadline = Instant::now() + Duration::from_secs(15);
        while TcpStream::connect(address).is_err() {
            assert!(Instant::now() < deadline, "{name} does not listen: {}", server.log());
            thread::sleep(Duration::from_millis(20));
        }
        server
    }

    /// Processor time so far, of its children too.
    pub(crate) fn cpu(&self) -> Duration {
        Duration::from_nanos(cpu(self.child.id()))
    }

    pub(crate) fn log_lines(&self) -> usize {
        self.log().lines().count()
    }

    /// How often an app was started.
    pub(crate) fn started(&self) -> usize {
        let text = fs::read_to_string(self.folder.join("started")).unwrap_or_default();
        text.lines().count()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // SAFETY: the child has not been waited for, so the number is still its own.
        unsafe { libc::kill(self.child.id().cast_signed(), libc::SIGTERM) };
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("ebbtide-polls-{name}-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// An address that nobody listens on.
fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Nanoseconds on a processor, as the scheduler counts them.
fn cpu(pid: u32) -> u64 {
    let process = format!("/proc/{pid}/task");
    let tasks = fs::read_dir(Path::new(&process)).into_iter().flatten().flatten();
    let own = tasks.map(|task| {
        let text = fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
        text.split(' ').next().and_then(|ns| ns.parse::<u64>().ok()).unwrap_or(0)
    });
    let children = fs::read_to_string(format!("{process}/{pid}/children")).unwrap_or_default();
    let children = children.split_whitespace().filter_map(|pid| pid.parse().ok());
    own.sum::<u64>() + children.map(cpu).sum::<u64>()
}
