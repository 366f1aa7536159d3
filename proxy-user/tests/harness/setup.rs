//! A configuration file under construction, and how the proxy is started with it.

use std::fmt::Write;
use std::net::SocketAddr;

use super::cgroup::Cgroup;
use super::namespace::Namespace;
use super::proxy::Proxy;

/// Listens on free loopback ports, reads sockets by `TCP_INFO` and pings nobody unless told otherwise.
#[derive(Clone, Debug)]
pub struct Setup {
    listen: Vec<String>,
    admin: String,
    source: String,
    sockets: String,
    keys: String,
    sections: String,
    keepalive: String,
    apps: String,
    pub(super) cgroup: Option<Cgroup>,
    pub(super) namespace: Option<Namespace>,
    pub(super) wrapper: Vec<String>,
    /// The process to take over from.
    pub(super) takeover: Option<u32>,
}

impl Setup {
    pub fn new() -> Setup {
        Setup {
            listen: vec!["127.0.0.1:0".to_owned()],
            admin: "127.0.0.1:0".to_owned(),
            source: "tcp-info".to_owned(),
            sockets: String::new(),
            keys: String::new(),
            sections: String::new(),
            keepalive: "interval = \"off\"".to_owned(),
            apps: String::new(),
            cgroup: None,
            namespace: None,
            wrapper: Vec::new(),
            takeover: None,
        }
    }

    /// The usual case: one app, `demo`, for every host and path.
    pub fn demo(address: SocketAddr) -> Setup {
        Setup::new().app("demo", address, "")
    }

    /// A top-level line.
    pub fn key(mut self, line: &str) -> Setup {
        writeln!(self.keys, "{line}").unwrap();
        self
    }

    /// A table with its lines.
    pub fn section(mut self, text: &str) -> Setup {
        writeln!(self.sections, "{text}").unwrap();
        self
    }

    /// An app, with further lines of its table.
    pub fn app(self, name: &str, upstream: SocketAddr, lines: &str) -> Setup {
        self.app_at(name, &format!("http://{upstream}"), lines)
    }

    /// An app at any kind of upstream.
    pub fn app_at(mut self, name: &str, upstream: &str, lines: &str) -> Setup {
        write!(self.apps, "[[app]]\nname = {name:?}\nupstream = {upstream:?}\n{lines}\n").unwrap();
        self
    }

    pub fn listen(mut self, address: &str) -> Setup {
        self.listen = vec![address.to_owned()];
        self
    }

    /// One more address.
    pub fn listen_also(mut self, address: &str) -> Setup {
        self.listen.push(address.to_owned());
        self
    }

    pub fn admin(mut self, address: &str) -> Setup {
        address.clone_into(&mut self.admin);
        self
    }

    /// Listens where this one does, and takes over from it.
    pub fn takeover(mut self, other: &Proxy) -> Setup {
        self.takeover = Some(other.id());
        let (address, admin) = (other.address().to_string(), other.admin_address().to_string());
        self.listen(&address).admin(&admin)
    }

    /// `auto`, `ebpf` or `tcp-info`.
    pub fn source(mut self, source: &str) -> Setup {
        source.clone_into(&mut self.source);
        self
    }

    /// Pings after this much silence, and how long an answer may take.
    pub fn keepalive(mut self, interval: &str, timeout: &str) -> Setup {
        self.keepalive = format!("interval = {interval:?}\ntimeout = {timeout:?}");
        self
    }

    /// A further line of `[sockets]`.
    pub fn sockets(mut self, line: &str) -> Setup {
        writeln!(self.sockets, "{line}").unwrap();
        self
    }

    /// Runs the proxy in this cgroup.
    pub fn cgroup(mut self, cgroup: &Cgroup) -> Setup {
        self.cgroup = Some(cgroup.clone());
        self
    }

    /// Runs the proxy in this network namespace.
    pub fn namespace(mut self, namespace: &Namespace) -> Setup {
        self.namespace = Some(namespace.clone());
        self
    }

    /// Puts these words before the proxy's command line; they must end in an exec.
    pub fn wrapper(mut self, words: &[&str]) -> Setup {
        self.wrapper = words.iter().map(|&word| word.to_owned()).collect();
        self
    }

    pub fn toml(&self) -> String {
        format!(
            "listen = {:?}\nadmin = {:?}\n{}\n[sockets]\nsource = {:?}\n{}\n\
             [keepalive]\n{}\n{}\n{}",
            self.listen,
            self.admin,
            self.keys,
            self.source,
            self.sockets,
            self.keepalive,
            self.sections,
            self.apps
        )
    }

    pub fn start(&self) -> Proxy {
        Proxy::start(self)
    }
}
