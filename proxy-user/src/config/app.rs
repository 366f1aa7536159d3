//! The settings of one app, with each default in one place.
//!
//! Plain data: nothing here parses or checks.

use std::time::Duration;

use super::access::Access;
use super::answer::OwnAnswer;
use super::driver::Driver;
use super::page::WaitingPage;
use super::probe::BusyProbe;
use super::value::upstream::Upstream;
use crate::core::headers::HeaderChange;
use crate::core::keep_awake::Window;
use crate::core::route::HostPattern;
use crate::toml_file::words;

/// One `[[app]]`: what a host name or path routes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct App {
    /// 1 to 63 of `A-Z a-z 0-9 . _ -`, not `.` or `..`: a metric label and a URL segment as it is.
    pub name: String,
    /// Host names that route here. Default: none = any host.
    pub hosts: Vec<HostPattern>,
    /// Path prefix, in whole segments: starts with `/` and ends without one, unless it is just `/`
    /// (the default). The longest prefix wins.
    pub path: String,
    /// The app's own address. `None` only with a driver that knows it: [`Driver::Process`].
    pub upstream: Option<Upstream>,
    /// Whether `path` is taken off before the app sees a request. Default no.
    pub strip_path: bool,
    /// Fields of requests that are set, or with `None` removed, before the app sees them. Default: none.
    pub request_headers: Vec<HeaderChange>,
    /// The same for the app's answers.
    pub response_headers: Vec<HeaderChange>,
    /// Names of rule packs; `auto` (the default) = recognise them by traffic; none = by opcode only.
    pub packs: Vec<String>,
    /// Which data frames are activity. Default `pack`.
    pub count: Count,
    /// Suspended after this long without activity, 1 s to 8760 h; `None` (default) = never.
    pub idle_after: Option<Duration>,
    /// How long work alone may keep it awake, 1 s to 8760 h; `None` = work does not count. Default 24 h.
    pub busy_limit: Option<Duration>,
    /// A request to send before the app is suspended. Default: none.
    pub busy_probe: Option<BusyProbe>,
    /// At work above this much CPU, in percent of one core over a minute, 1 to 100,000; `None` = CPU does
    /// not count. Only where the driver owns a cgroup. Default 20.
    pub busy_cpu: Option<u32>,
    /// Times at which it is kept awake, and started if it is not running. Default: none.
    pub keep_awake: Vec<Window>,
    /// Default `suspend`.
    pub on_idle: OnIdle,
    /// Default `auto`.
    pub wake: Wake,
    /// How long a request waits for a suspended app, 1 s to 24 h. Default 60 s.
    pub wake_timeout: Duration,
    /// How long a running app may take to answer a WebSocket handshake, 1 s to 24 h. Default 60 s.
    pub handshake_timeout: Duration,
    /// The page that a browser gets while the app starts. Default `None` = the built-in one.
    pub waiting_page: Option<WaitingPage>,
    /// Whether the page shows why an app cannot start, and its last output. Default no.
    pub show_output: bool,
    /// Requests that Ebbtide answers itself; the first match wins. Default: none.
    pub answers: Vec<OwnAnswer>,
    /// Who may use it, with what `[access]` says for all apps. Default: everybody.
    pub access: Access,
    /// How it is started and stopped. Default `None` = it always runs.
    pub driver: Option<Driver>,
    /// Sessions at a time, at most 16,777,216. Default 0 = no limit.
    pub max_sessions: usize,
    /// Default `inspect`.
    pub compression: Compression,
}

impl App {
    /// Whether something starts and stops it.
    #[must_use]
    pub fn is_driven(&self) -> bool {
        self.driver.is_some()
    }

    /// An app for every host and path, with defaults for the rest.
    #[must_use]
    pub fn new(name: String, upstream: Option<Upstream>) -> Self {
        Self {
            name,
            hosts: Vec::new(),
            path: "/".to_owned(),
            upstream,
            strip_path: false,
            request_headers: Vec::new(),
            response_headers: Vec::new(),
            packs: vec!["auto".to_owned()],
            count: Count::Pack,
            idle_after: None,
            busy_limit: Some(Duration::from_secs(24 * 3600)),
            busy_probe: None,
            busy_cpu: Some(20),
            keep_awake: Vec::new(),
            on_idle: OnIdle::Suspend,
            wake: Wake::Auto,
            wake_timeout: Duration::from_secs(60),
            handshake_timeout: Duration::from_secs(60),
            waiting_page: None,
            show_output: false,
            answers: Vec::new(),
            access: Access::default(),
            driver: None,
            max_sessions: 0,
            compression: Compression::Inspect,
        }
    }
}

words! {
    /// Which data frames are activity.
    pub enum Count {
        /// As the packs advise; both directions without a pack.
        Pack = "pack",
        /// Frames from the client and from the app.
        Both = "both",
        /// Frames from the client.
        Input = "input",
    }
}

words! {
    /// What happens to an idle app.
    pub enum OnIdle {
        /// It is suspended.
        Suspend = "suspend",
        /// Ebbtide only reports that it would have been suspended.
        Shadow = "shadow",
    }
}

words! {
    /// What a request to a suspended app gets.
    pub enum Wake {
        /// A navigation gets the waiting page; other requests wait.
        Auto = "auto",
        /// Every request waits.
        Hold = "hold",
        /// A navigation gets the waiting page; other requests are refused at once.
        Page = "page",
    }
}

words! {
    /// What to do about permessage-deflate.
    pub enum Compression {
        /// Negotiated end to end, and inspected.
        Inspect = "inspect",
        /// Removed from the handshake, so that frames are not compressed.
        Strip = "strip",
        /// Negotiated end to end, and not inspected.
        Pass = "pass",
    }
}
