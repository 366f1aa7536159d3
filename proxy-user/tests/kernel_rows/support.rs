//! Sockets, a cgroup and a log for the trials.

use std::{
    fs, io,
    net::{TcpListener, TcpStream},
    path::PathBuf,
    sync::Mutex,
    time::Duration,
};

use ebbtide::{core::time::Nanos, sockets::cgroup};
use socket2::{Domain, SockAddr, Socket, Type};

/// How long a condition may take before a trial fails. Generous: the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection over loopback: the registered side, and its peer.
pub(crate) struct Pair {
    pub(crate) near: TcpStream,
    pub(crate) far: TcpStream,
}

impl Pair {
    /// `window` is the peer's receive buffer in bytes; `None` = the system's default.
    pub(crate) fn new(window: Option<usize>) -> Pair {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let far = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        if let Some(window) = window {
            far.set_recv_buffer_size(window).unwrap();
        }
        far.connect(&SockAddr::from(listener.local_addr().unwrap())).unwrap();
        let (near, _) = listener.accept().unwrap();
        Pair { near, far: far.into() }
    }
}

/// Now, by the rows' clock.
pub(crate) fn now() -> Nanos {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call writes one live structure.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    Nanos(
        u64::try_from(time.tv_sec).unwrap() * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap(),
    )
}

/// Waits for a condition; panics with what it was when it does not come.
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let end = now() + PATIENCE;
    while !holds() {
        assert!(now() < end, "never came: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A cgroup of this process's own; removed, with the process moved back, when dropped.
pub(crate) struct Cgroup {
    folder: PathBuf,
    before: PathBuf,
}

impl Cgroup {
    pub(crate) fn enter() -> io::Result<Cgroup> {
        let before = cgroup::own().map_err(io::Error::other)?;
        let folder = before.join(format!("ebbtide-test-{}", std::process::id()));
        // An earlier process of this number may have been killed.
        let _ = fs::remove_dir(&folder);
        fs::create_dir(&folder)?;
        let cgroup = Cgroup { folder, before };
        fs::write(cgroup.folder.join("cgroup.procs"), "0")?;
        Ok(cgroup)
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        if let Err(error) = fs::write(self.before.join("cgroup.procs"), "0")
            .and_then(|()| fs::remove_dir(&self.folder))
        {
            eprintln!("{} stays behind: {error}", self.folder.display());
        }
    }
}

/// A logger that keeps every line.
pub(crate) struct Lines(Mutex<Vec<String>>);

static LINES: Lines = Lines(Mutex::new(Vec::new()));

impl Lines {
    pub(crate) fn install() {
        log::set_logger(&LINES).unwrap();
        log::set_max_level(log::LevelFilter::Debug);
    }

    pub(crate) fn any(wanted: impl Fn(&str) -> bool) -> bool {
        LINES.0.lock().unwrap().iter().any(|line| wanted(line))
    }
}

impl log::Log for Lines {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let line = format!("{} {} {}", record.level(), record.target(), record.args());
        self.0.lock().unwrap().push(line);
    }

    fn flush(&self) {}
}
