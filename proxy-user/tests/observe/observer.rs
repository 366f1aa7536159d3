//! `ebbtide observe` as a child process, asked over its admin address.

use std::path::Path;
use std::process::{Child, Stdio};

use ebbtide::sockets::{ForeignSockets, Options, SourceWish};
use serde_json::Value;

use crate::harness::command::{self, ebbtide};
use crate::harness::http::{Message, request};
use crate::harness::log::Log;
use crate::harness::metrics::Metrics;
use crate::harness::wait::started;
use crate::harness::wire::Wire;
use crate::scene::GRACE;

/// Who writes the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Ebpf,
    TcpInfo,
}

impl Source {
    /// What `auto` would take.
    pub(crate) fn best() -> Source {
        if Source::Ebpf.refused().is_none() { Source::Ebpf } else { Source::TcpInfo }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Source::Ebpf => "ebpf",
            Source::TcpInfo => "tcp-info",
        }
    }

    pub(crate) fn module(self) -> &'static str {
        match self {
            Source::Ebpf => "ebpf",
            Source::TcpInfo => "tcp_info",
        }
    }

    /// Why this kernel does not have it.
    pub(crate) fn refused(self) -> Option<String> {
        let options = Options { source: SourceWish::Ebpf, max_legs: 64, ..Options::default() };
        let opened = (self == Source::Ebpf).then(|| ForeignSockets::open(&options, &[1], &[]));
        opened?.err().map(|error| format!("{error:?}"))
    }
}

/// Killed when dropped. When a test fails, what it logged is printed.
pub(crate) struct Observer {
    child: Child,
    log: Log,
    admin: std::net::SocketAddr,
}

impl Observer {
    /// Starts it and waits until it observes.
    pub(crate) fn start(cgroup: &Path, port: u16, source: Source, more: &[&str]) -> Observer {
        let mut command = ebbtide();
        command.args(["observe", "--log-format", "json", "--admin", "127.0.0.1:0"]);
        command.args(["--sockets", source.name(), "--cgroup"]).arg(cgroup);
        command.args(["--port", &port.to_string(), "--grace", &format!("{GRACE}s")]);
        command.args(more).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let log = Log::collect(child.stderr.take().unwrap());
        started("the line \"observing\"", || {
            let ended = child.try_wait().unwrap();
            assert!(ended.is_none(), "it ended: {}", log.text());
            log.fields("observing").pop()
        });
        let address = log.fields("admin listening").remove(0);
        let admin = address["address"].as_str().unwrap().parse().unwrap();
        Observer { child, log, admin }
    }

    /// One request on the admin address by this name; `fields` are whole lines.
    pub(crate) fn ask_as(&self, host: &str, method: &str, target: &str, fields: &str) -> Message {
        let mut wire = Wire::connect(self.admin);
        let fields = format!("Connection: close\r\n{fields}");
        wire.send(request(method, host, target, &fields));
        Message::read_response(&mut wire, method)
    }

    fn get(&self, target: &str) -> Message {
        let answer = self.ask_as(&self.admin.to_string(), "GET", target, "");
        assert_eq!(answer.status(), 200, "{answer:?}");
        answer
    }

    pub(crate) fn rows(&self) -> Vec<Value> {
        serde_json::from_slice(&self.get("/api/sessions").body).unwrap()
    }

    pub(crate) fn metrics(&self) -> Metrics {
        Metrics::parse(self.get("/metrics").text())
    }

    pub(crate) fn stalled(&self) -> u64 {
        self.metrics().count("ebbtide_observed_stalled", &[("reason", "stalled")])
    }

    pub(crate) fn reaped(&self) -> u64 {
        self.metrics().count("ebbtide_reaped_total", &[])
    }

    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    /// Sends SIGTERM and gives the exit code.
    pub(crate) fn terminate(mut self) -> Option<i32> {
        let id = libc::pid_t::try_from(self.child.id()).unwrap();
        // SAFETY: kill takes plain numbers; the child is not waited for yet, so the id is its own.
        assert_eq!(unsafe { libc::kill(id, libc::SIGTERM) }, 0);
        command::exit_code(&mut self.child).expect("it must end")
    }

    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- the observer logged ---\n{}\n---", self.log.text());
        }
    }
}
