//! The settings of the process as a whole, with each default in one place.
//!
//! Plain data: nothing here parses or checks. Fields are public so that the command line's flags
//! can override them.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use super::access::Access;
use super::app::App;
use super::notify::Notify;
use super::report::Report;
use super::tls::Tls;
use crate::core::listening::{ListenAddress, overlap};
use crate::core::route::HostPattern;
use crate::tls::Certificate;
use crate::toml_file::words;

/// The whole configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where browsers connect; at least one. Port 0 = any free port. Default `127.0.0.1:8080`.
    pub listen: Vec<SocketAddr>,
    /// TLS on `listen`. Default `None` = no TLS.
    pub tls: Option<Tls>,
    /// Where metrics, health and the API are. Port 0 = any free port. Default `127.0.0.1:9090`.
    pub admin: SocketAddr,
    /// File with the token for the admin address; see [`Config::admin_needs_token`].
    pub admin_token_file: Option<PathBuf>,
    /// Without a token: the names, besides loopback ones, by which browsers may reach it. Default: none.
    pub admin_hosts: Vec<HostPattern>,
    /// Peers whose `X-Forwarded-*` are believed. Default: none.
    pub trusted_proxies: Vec<IpNet>,
    /// Worker threads, at most 1024. Default 0 = one per core.
    pub workers: usize,
    /// The time after SIGTERM over which sessions are closed, 0 to 24 h. Default 30 s.
    pub drain: Duration,
    /// Directory with packs in addition to the built-in ones. Default: none.
    pub pack_dir: Option<PathBuf>,
    /// How sockets are watched.
    pub sockets: Sockets,
    /// When a leg is stalled.
    pub stall: Stall,
    /// When a silent leg is pinged.
    pub keepalive: Keepalive,
    /// Where activity is reported. Default: nowhere.
    pub report: Option<Report>,
    /// Where events are sent. Default: nowhere.
    pub notify: Vec<Notify>,
    /// Limits for clients.
    pub limits: Limits,
    /// What is logged on standard output.
    pub log: Log,
    /// Who may use the apps; what an app has of its own is in [`App::access`]. Default: everybody.
    pub access: Access,
    /// The apps, in the order of the file; names are unique, and so is each host with its path.
    pub apps: Vec<App>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: vec![SocketAddr::from(([127, 0, 0, 1], 8080))],
            tls: None,
            admin: SocketAddr::from(([127, 0, 0, 1], 9090)),
            admin_token_file: None,
            admin_hosts: Vec::new(),
            trusted_proxies: Vec::new(),
            workers: 0,
            drain: Duration::from_secs(30),
            pack_dir: None,
            sockets: Sockets::default(),
            stall: Stall::default(),
            keepalive: Keepalive::default(),
            report: None,
            notify: Vec::new(),
            limits: Limits::default(),
            log: Log::default(),
            access: Access::default(),
            apps: Vec::new(),
        }
    }
}

impl Config {
    /// Whether other machines can reach the admin address without a token. Never in a parsed file; to be
    /// checked again after `admin` was overridden.
    #[must_use]
    pub fn admin_needs_token(&self) -> bool {
        self.needs_token_at(self.admin)
    }

    /// The same for an address that replaces `admin`.
    #[must_use]
    pub fn needs_token_at(&self, admin: SocketAddr) -> bool {
        !admin.ip().to_canonical().is_loopback() && self.admin_token_file.is_none()
    }

    /// Describes a conflict between two of the addresses to listen on. None in a parsed file; to be checked
    /// again after one of them was overridden.
    #[must_use]
    pub fn address_clash(&self) -> Option<String> {
        self.admin_clash().or_else(|| self.redirect_clash())
    }

    pub(super) fn admin_clash(&self) -> Option<String> {
        let admin = self.admin;
        let listen = self.listen.iter().find(|listen| overlap(admin, **listen))?;
        Some(format!("`admin` is {admin} and `listen` has {listen}; change one port"))
    }

    pub(super) fn redirect_clash(&self) -> Option<String> {
        let redirects = self.redirects();
        redirects.iter().enumerate().find_map(|(index, redirect)| {
            let listen = self.listen.iter().map(|listen| ("`listen` has", listen));
            let before = redirects[..index].iter().map(|before| ("`redirect` has", before));
            let mut others = listen.chain([("`admin` is", &self.admin)]).chain(before);
            let (what, other) = others.find(|(_, other)| overlap(*redirect, **other))?;
            Some(format!("`redirect` has {redirect} and {what} {other}; change one port"))
        })
    }

    /// Where browsers connect, and how the process listens there given its other addresses.
    #[must_use]
    pub fn listen_addresses(&self) -> Vec<ListenAddress> {
        let all = self.all_addresses();
        self.listen.iter().map(|listen| ListenAddress::new(*listen, &all)).collect()
    }

    /// The same for metrics, health and the API.
    #[must_use]
    pub fn admin_address(&self) -> ListenAddress {
        ListenAddress::new(self.admin, &self.all_addresses())
    }

    /// The same for the addresses that send browsers to `listen`.
    #[must_use]
    pub fn redirect_addresses(&self) -> Vec<ListenAddress> {
        let all = self.all_addresses();
        self.redirects().iter().map(|redirect| ListenAddress::new(*redirect, &all)).collect()
    }

    /// For TLS on `listen`; none = no TLS.
    #[must_use]
    pub fn certificates(&self) -> &[Certificate] {
        self.tls.as_ref().map_or(&[], |tls| &tls.certificates)
    }

    fn redirects(&self) -> &[SocketAddr] {
        self.tls.as_ref().map_or(&[], |tls| &tls.redirect)
    }

    fn all_addresses(&self) -> Vec<SocketAddr> {
        [&self.listen[..], self.redirects(), &[self.admin]].concat()
    }
}

words! {
    /// What fills the rows of the socket table.
    pub enum SocketSource {
        /// The kernel if possible, otherwise the poller.
        Auto = "auto",
        /// The kernel, with a sockops program; if it cannot be loaded, the process does not start.
        Ebpf = "ebpf",
        /// The poller, from `TCP_INFO`.
        TcpInfo = "tcp-info",
    }
}

/// How sockets are watched: `[sockets]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sockets {
    /// Default `auto`.
    pub source: SocketSource,
    /// The cgroup v2 directory to attach to, absolute. Default `None` = "auto": the process's own.
    pub cgroup: Option<PathBuf>,
    /// Rows in the table, two for each session, 2 to 16,777,216. Default 131072.
    pub max_legs: u32,
}

impl Default for Sockets {
    fn default() -> Self {
        Self { source: SocketSource::Auto, cgroup: None, max_legs: 131_072 }
    }
}

/// When a leg is stalled: `[stall]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stall {
    /// No progress for this long with bytes queued = reaped; 1 s to 24 h. Default 30 s.
    pub grace: Duration,
}

impl Default for Stall {
    fn default() -> Self {
        Self { grace: Duration::from_secs(30) }
    }
}

/// When a silent leg is pinged: `[keepalive]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keepalive {
    /// A ping after this much silence, 1 s to 24 h; `None` = off. Default 25 s.
    pub interval: Option<Duration>,
    /// No pong for this long after a ping = dead, 1 s to 24 h; `None` = never. Default 20 s.
    pub timeout: Option<Duration>,
}

impl Default for Keepalive {
    fn default() -> Self {
        Self { interval: Some(Duration::from_secs(25)), timeout: Some(Duration::from_secs(20)) }
    }
}

words! {
    /// How the access log looks.
    pub enum AccessLog {
        /// There is none.
        Off = "off",
        /// The combined format, extended.
        Text = "text",
        /// One JSON object per line.
        Json = "json",
    }
}

/// What is logged on standard output: `[log]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// A line per request and per session. Default `off`.
    pub access: AccessLog,
}

impl Default for Log {
    fn default() -> Self {
        Self { access: AccessLog::Off }
    }
}

/// Limits for clients: `[limits]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest request head in bytes, 8 KiB to 1 MiB. Default 64 KiB.
    pub header_bytes: usize,
    /// Most header lines of a request or an answer, 16 to 1024. Default 256.
    pub headers: usize,
    /// How long a request head may take to arrive, 100 ms to 24 h. Default 10 s.
    pub header_timeout: Duration,
    /// Sessions of the whole process at a time, 1 to 16,777,216. Default 100,000.
    pub sessions: usize,
    /// Largest frame payload accepted in bytes, 125 B to 1 TiB; `None` = any. Default `None`.
    pub frame_bytes: Option<u64>,
    /// Requests of the whole process that may wait for an app to wake, 1 to 16,777,216; see
    /// [`Limits::held_per_app`]. Default 10,000.
    pub held: usize,
}

impl Limits {
    /// Requests that may wait for one app to wake: a tenth of `held`.
    #[must_use]
    pub fn held_per_app(&self) -> usize {
        self.held.div_ceil(10)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_bytes: 64 * 1024,
            headers: 256,
            header_timeout: Duration::from_secs(10),
            sessions: 100_000,
            frame_bytes: None,
            held: 10_000,
        }
    }
}
