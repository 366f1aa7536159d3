//! The real binary as a child process: started with a configuration, asked over its admin address,
//! stopped when dropped. When a test fails, what the proxy logged is printed.

use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use socket2::{Domain, Socket, Type};

use super::cgroup::Cgroup;
use super::command;
use super::http::{Message, request};
use super::log::Log;
use super::metrics::Metrics;
use super::namespace::Namespace;
use super::scratch::Scratch;
use super::setup::Setup;
use super::wait::{STARTUP, eventually, within};
use super::wire::Wire;

const CONFIG: &str = "ebbtide.toml";

#[derive(Debug)]
pub struct Proxy {
    child: Child,
    log: Log,
    /// What it writes to standard output.
    output: Log,
    address: SocketAddr,
    admin: SocketAddr,
    namespace: Option<Namespace>,
    /// With its configuration file.
    scratch: Option<Scratch>,
}

impl Proxy {
    pub fn start(setup: &Setup) -> Proxy {
        let scratch = Scratch::new();
        let config = scratch.file(CONFIG, &setup.toml());
        let mut wrappers = setup.cgroup.as_ref().map(Cgroup::wrapper).unwrap_or_default();
        wrappers.extend(setup.namespace.as_ref().map(Namespace::wrapper).unwrap_or_default());
        wrappers.extend(setup.wrapper.clone());
        let mut command = command::ebbtide_behind(&wrappers);
        command.args(["run", "--log-format", "json", "--config"]).arg(&config);
        command
            .args(setup.takeover.iter().flat_map(|id| ["--takeover".to_owned(), id.to_string()]));
        let mut proxy = Proxy::spawn(&mut command, setup.namespace.clone());
        proxy.scratch = Some(scratch);
        proxy
    }

    /// Starts any `ebbtide run …` that logs JSON, and waits until both its addresses listen.
    pub fn spawn(command: &mut Command, namespace: Option<Namespace>) -> Proxy {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("start {command:?}: {e}"));
        let log = Log::collect(child.stderr.take().unwrap());
        let output = Log::collect(child.stdout.take().unwrap());
        let mut address = |message: &str| {
            let logged = || log.fields(message).first()?["address"].as_str()?.parse().ok();
            let ended = |child: &mut Child| child.try_wait().unwrap().is_some();
            let found = within(STARTUP, || {
                let (ended, found) = (ended(&mut child), logged());
                (ended || found.is_some()).then_some(found)
            });
            found.flatten().ok_or_else(|| format!("no {message:?}; it logged:\n{}", log.text()))
        };
        match (address("proxy listening"), address("admin listening")) {
            (Ok(address), Ok(admin)) => {
                Proxy { child, log, output, address, admin, namespace, scratch: None }
            }
            (Err(e), _) | (_, Err(e)) => {
                let _ = child.kill();
                let _ = child.wait();
                panic!("{command:?}: {e}");
            }
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn admin_address(&self) -> SocketAddr {
        self.admin
    }

    pub fn log(&self) -> &Log {
        &self.log
    }

    /// The lines of its standard output.
    pub fn output(&self) -> Vec<String> {
        self.output.lines()
    }

    /// A connection to the proxy.
    pub fn connect(&self) -> Wire {
        self.reach(self.address)
    }

    /// A connection to the admin address.
    pub fn connect_admin(&self) -> Wire {
        self.reach(self.admin)
    }

    fn reach(&self, address: SocketAddr) -> Wire {
        let connect = || TcpStream::connect(address);
        let stream = self.namespace.as_ref().map_or_else(connect, |n| n.inside(connect));
        Wire::over(stream.unwrap_or_else(|e| panic!("connect to {address}: {e}")))
    }

    /// A connection whose client end has this receive buffer (`SO_RCVBUF`; the kernel doubles it).
    pub fn connect_narrow(&self, receive_buffer: usize) -> Wire {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_recv_buffer_size(receive_buffer).unwrap();
        socket.connect(&self.address.into()).unwrap();
        Wire::over(socket.into())
    }

    /// One GET through the proxy on a connection of its own.
    pub fn get(&self, host: &str, target: &str) -> Message {
        let mut wire = self.connect();
        wire.send(request("GET", host, target, "Connection: close\r\n"));
        Message::read_response(&mut wire, "GET")
    }

    /// One GET on the admin address; `fields` are whole lines.
    pub fn admin(&self, target: &str, fields: &str) -> Message {
        self.ask_admin("GET", target, fields)
    }

    /// One request without a body on the admin address.
    pub fn ask_admin(&self, method: &str, target: &str, fields: &str) -> Message {
        let mut wire = self.reach(self.admin);
        let fields = format!("Connection: close\r\n{fields}");
        wire.send(request(method, &self.admin.to_string(), target, &fields));
        Message::read_response(&mut wire, method)
    }

    pub fn metrics(&self) -> Metrics {
        let answer = self.admin("/metrics", "");
        assert_eq!(answer.status(), 200, "{answer:?}");
        Metrics::parse(answer.text())
    }

    /// `GET /api/sessions`.
    pub fn sessions(&self) -> Vec<Value> {
        let answer = self.admin("/api/sessions", "");
        assert_eq!(answer.status(), 200, "{answer:?}");
        serde_json::from_slice(&answer.body).expect("an array of sessions")
    }

    /// Waits until `ebbtide_sessions` says so.
    pub fn await_sessions(&self, count: u64) {
        eventually(&format!("{count} sessions"), || {
            (self.metrics().count("ebbtide_sessions", &[]) == count).then_some(())
        });
    }

    /// Which source the proxy says that it uses, and why.
    pub fn source(&self) -> (String, String) {
        let fields = eventually("a log line \"socket source\"", || {
            self.log.fields("socket source").into_iter().next()
        });
        let word = |name: &str| fields[name].as_str().unwrap_or_default().to_owned();
        (word("source"), word("reason"))
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Writes its configuration file anew; it may not have looked yet.
    pub fn rewrite(&self, text: &str) {
        self.scratch.as_ref().expect("was started from a file").file(CONFIG, text);
    }

    /// Sends SIGTERM.
    pub fn terminate(&self) {
        self.signal(libc::SIGTERM);
    }

    /// Writes another configuration over the one that it was started with, and sends SIGHUP.
    pub fn reconfigure(&self, setup: &Setup) {
        self.rewrite(&setup.toml());
        self.signal(libc::SIGHUP);
    }

    fn signal(&self, signal: libc::c_int) {
        let id = libc::pid_t::try_from(self.child.id()).unwrap();
        // SAFETY: kill takes plain numbers; the child is not waited for yet, so the id is its own.
        let outcome = unsafe { libc::kill(id, signal) };
        assert_eq!(outcome, 0, "signal {signal}: {}", std::io::Error::last_os_error());
    }

    /// True once the process has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits for the end and gives the exit code; `None` = by a signal.
    pub fn exit_code(&mut self) -> Option<i32> {
        command::exit_code(&mut self.child).expect("the proxy must end")
    }

    /// Open descriptors.
    pub fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.id())).unwrap().count()
    }

    /// Resident memory in bytes.
    pub fn resident_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        let kib: u64 = line.trim().trim_end_matches(" kB").parse().unwrap();
        kib * 1024
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- the proxy logged ---\n{}\n---", self.log.text());
        }
    }
}
