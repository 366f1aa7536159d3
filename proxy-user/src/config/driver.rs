//! How an app is started and stopped: `[app.driver]`.
//!
//! Plain data: nothing here parses or checks.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::value::web::APP;
use crate::toml_file::quote_url;

/// How an app is started and stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Driver {
    /// A child process: `kind = "process"`.
    Process(ProcessDriver),
    /// Programs that act on it: `kind = "command"`.
    Command(CommandDriver),
    /// An HTTP control plane: `kind = "http"`.
    Http(Box<HttpDriver>),
}

/// A child process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessDriver {
    /// The program and its arguments; `{port}` in one of them names the app's port.
    pub command: Vec<String>,
    /// Where it runs. Default `None` = where Ebbtide runs.
    pub dir: Option<PathBuf>,
    /// Added to Ebbtide's own environment. `PORT` is the app's port unless it is set here.
    pub env: BTreeMap<String, String>,
    /// A path that answers 2xx or 3xx when the app is ready. Default `None` = a connection is accepted.
    pub ready_path: Option<String>,
    /// How long it may take to be ready, 1 s to 24 h. Default 60 s.
    pub ready_timeout: Duration,
    /// How long it may take to end after SIGTERM, 0 to 24 h. Default 10 s.
    pub stop_timeout: Duration,
}

impl ProcessDriver {
    /// How long the app may take to be ready, by default.
    pub const READY_TIMEOUT: Duration = Duration::from_secs(60);
    /// How long it may take to end, by default.
    pub const STOP_TIMEOUT: Duration = Duration::from_secs(10);
}

/// Programs that act on the app, each with its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandDriver {
    /// Starts it.
    pub wake: Vec<String>,
    /// Stops it.
    pub suspend: Vec<String>,
    /// Prints `running`, `starting` or `suspended`.
    pub state: Vec<String>,
    /// Where they run. Default `None` = where Ebbtide runs.
    pub dir: Option<PathBuf>,
    /// Added to Ebbtide's own environment; `EBBTIDE_APP` is the app's name.
    pub env: BTreeMap<String, String>,
    /// As [`ProcessDriver::ready_path`].
    pub ready_path: Option<String>,
    /// As [`ProcessDriver::ready_timeout`].
    pub ready_timeout: Duration,
    /// How long `suspend` and what follows it may take, 1 s to 24 h. Default 10 s.
    pub stop_timeout: Duration,
}

/// An HTTP control plane. `{app}` in a URL or body stands for the app's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpDriver {
    /// Asks for the state.
    pub state: StateCall,
    /// Starts the app.
    pub wake: Call,
    /// Stops it.
    pub suspend: Call,
    /// File with a token to send. Default: none.
    pub token_file: Option<PathBuf>,
    /// The header that carries the token as it is; `None` = `Authorization: Bearer …`.
    pub token_header: Option<http::HeaderName>,
    /// As [`ProcessDriver::ready_path`].
    pub ready_path: Option<String>,
    /// As [`ProcessDriver::ready_timeout`].
    pub ready_timeout: Duration,
    /// How long it may take until the state says that it is down, 1 s to 24 h. Default 60 s.
    pub stop_timeout: Duration,
}

/// A request to a control plane.
#[derive(Clone, PartialEq, Eq)]
pub struct Call {
    /// Its method.
    pub method: http::Method,
    /// `http` or `https`.
    pub url: String,
    /// Its body, as `application/json`. Default: none.
    pub body: Option<String>,
}

impl Call {
    /// The URL for one app. App names need no percent-encoding.
    #[must_use]
    pub fn url_for(&self, app: &str) -> String {
        self.url.replace(APP, app)
    }

    /// The body for one app.
    #[must_use]
    pub fn body_for(&self, app: &str) -> Option<String> {
        self.body.as_ref().map(|body| body.replace(APP, app))
    }
}

/// Leaves out possible secrets.
impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, quote_url(&self.url))
    }
}

/// A request whose answer has the state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateCall {
    /// The request.
    pub call: Call,
    /// JSON pointer to the state in the answer (RFC 6901).
    pub pointer: String,
    /// Words that mean running.
    pub running: Vec<String>,
    /// Words that mean starting.
    pub starting: Vec<String>,
    /// Words that mean suspended.
    pub suspended: Vec<String>,
    /// Words that mean that it may not run.
    pub disabled: Vec<String>,
}

impl Driver {
    /// The name of its kind.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Driver::Process(_) => "process",
            Driver::Command(_) => "command",
            Driver::Http(_) => "http",
        }
    }

    /// How long the app may take to be ready.
    #[must_use]
    pub fn ready_timeout(&self) -> Duration {
        match self {
            Driver::Process(driver) => driver.ready_timeout,
            Driver::Command(driver) => driver.ready_timeout,
            Driver::Http(driver) => driver.ready_timeout,
        }
    }

    /// A path that answers 2xx or 3xx when the app is ready; `None` = a connection is accepted.
    #[must_use]
    pub fn ready_path(&self) -> Option<&str> {
        match self {
            Driver::Process(driver) => driver.ready_path.as_deref(),
            Driver::Command(driver) => driver.ready_path.as_deref(),
            Driver::Http(driver) => driver.ready_path.as_deref(),
        }
    }
}
