//! What a configuration says about one app, with each default in one place.
//!
//! Plain data: nothing here parses or checks.

use std::time::Duration;

use super::value::upstream::Upstream;
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
    /// The app's own address.
    pub upstream: Upstream,
    /// Names of rule packs; `auto` (the default) = tell by the traffic; none = by opcode only.
    pub packs: Vec<String>,
    /// Which data frames are activity. Default `pack`.
    pub count: Count,
    /// Suspended after this long without activity, 1 s to 8760 h; `None` (default) = never.
    pub idle_after: Option<Duration>,
    /// Default `suspend`.
    pub on_idle: OnIdle,
    /// Default `auto`.
    pub wake: Wake,
    /// How long a request waits for a suspended app, and a WebSocket handshake for the app's answer,
    /// 1 s to 24 h. Default 60 s.
    pub wake_timeout: Duration,
    /// Sessions at a time, at most 16,777,216. Default 0 = no limit.
    pub max_sessions: usize,
    /// Default `inspect`.
    pub compression: Compression,
}

impl App {
    /// An app for every host and path, the rest by default.
    #[must_use]
    pub fn new(name: String, upstream: Upstream) -> Self {
        Self {
            name,
            hosts: Vec::new(),
            path: "/".to_owned(),
            upstream,
            packs: vec!["auto".to_owned()],
            count: Count::Pack,
            idle_after: None,
            on_idle: OnIdle::Suspend,
            wake: Wake::Auto,
            wake_timeout: Duration::from_secs(60),
            max_sessions: 0,
            compression: Compression::Inspect,
        }
    }
}

words! {
    /// Which data frames are activity.
    pub enum Count {
        /// What the packs advise; both where there is none.
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
        /// Ebbtide only says that it would have been.
        Shadow = "shadow",
    }
}

words! {
    /// What a request to a suspended app gets.
    pub enum Wake {
        /// It waits.
        Hold = "hold",
        /// A page that shows progress, where a browser asks for HTML; else it waits.
        Page = "page",
        /// Ebbtide chooses by the request.
        Auto = "auto",
    }
}

words! {
    /// What is done about permessage-deflate.
    pub enum Compression {
        /// Negotiated by the ends, and looked into.
        Inspect = "inspect",
        /// Taken out of the handshake, so that frames arrive plain.
        Strip = "strip",
        /// Negotiated by the ends, and not looked into.
        Pass = "pass",
    }
}
