//! How apps are started and stopped: one interface, and a file for each way.
//!
//! A driver does what it is told and says what it sees. It must not know requests, sessions, the
//! lobby, or why it is told: `core::lifecycle` decides.

mod child;
pub mod command;
mod down;
pub mod http;
mod lines;
mod looks;
pub mod process;

use std::fmt::Debug;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;

use self::command::CommandDriver;
use self::http::HttpDriver;
use self::process::{ProcessDriver, Supervisor};
use crate::config::{self, Upstream};
use crate::core::lifecycle::{Failure, Observed};

/// What a driver could not do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct DriverError(pub Failure);

impl DriverError {
    /// Something of which nothing was printed.
    #[must_use]
    pub fn new(why: impl Into<Box<str>>) -> DriverError {
        DriverError(Failure::new(why))
    }
}

/// What a driver tells without being asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The app has ended by itself.
    Exited(Failure),
    /// It was seen to be something else than before.
    Observed(Observed),
}

/// What another Ebbtide needs to go on with a running app in place of this one.
#[derive(Debug)]
pub struct Papers {
    /// For the same driver to read.
    pub text: String,
    /// Belong to it.
    pub descriptors: Vec<OwnedFd>,
}

/// Who hears of a driver's notices. Called from any thread; it must not wait.
pub type Listener = Arc<dyn Fn(Notice) + Send + Sync>;

/// Starts and stops one app.
///
/// At most one of `start` and `stop` is under way at a time; a future that is dropped is given up, and what
/// it has begun may be finished or undone by the next call.
pub trait Driver: Debug + Send + Sync {
    /// Starts the app unless it is running. Completes when the request to start it was accepted; whether it
    /// answers is checked elsewhere.
    fn start(&self) -> BoxFuture<'_, Result<(), DriverError>>;

    /// Stops the app. Completes when it is down.
    fn stop(&self) -> BoxFuture<'_, Result<(), DriverError>>;

    /// Checks, as far as it can be known beforehand, that `stop` would not fail. Changes nothing.
    fn check_stop(&self) -> BoxFuture<'_, Result<(), DriverError>> {
        Box::pin(std::future::ready(Ok(())))
    }

    /// Reads the app's current state.
    fn observe(&self) -> BoxFuture<'_, Result<Observed, DriverError>>;

    /// How often it wants to be asked to look; `None` = never, as it notices by itself.
    fn look_every(&self) -> Option<Duration> {
        None
    }

    /// Where the app is, if the driver decides that. May change with each start.
    fn upstream(&self) -> Option<Upstream> {
        None
    }

    /// The app does not outlive this process.
    fn ends_with_us(&self) -> bool {
        false
    }

    /// What another Ebbtide needs to go on with the app; `None` = it does not run, or cannot be handed over.
    fn papers(&self) -> Option<Papers> {
        None
    }

    /// Another Ebbtide goes on with the app: this one lets it alone. Done when nothing of it is read or
    /// guarded here any more.
    fn release(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }

    /// Goes on with an app that another Ebbtide has started, and guards it. What it prints is left to the
    /// other one until [`Driver::released`].
    ///
    /// # Errors
    /// It cannot be guarded, or the papers are not understood.
    fn adopt(&self, _papers: Papers) -> Result<(), DriverError> {
        Err(DriverError::new("this driver's apps are not handed over"))
    }

    /// The other Ebbtide has let go of what was adopted.
    fn released(&self) {}

    /// The CPU time that all processes of the app have used since it was started; `None` = not known. A small
    /// read, at most once a second.
    fn cpu_time(&self) -> Option<Duration> {
        None
    }

    /// What the app printed last, for whoever wants to know why it does not start; the newest line last.
    fn output(&self) -> Vec<String> {
        Vec::new()
    }
}

/// The driver of an app. `upstream` is where the configuration says that the app listens, if it does;
/// `supervisor` is asked for where the app is a child process.
///
/// # Panics
/// Outside of a tokio runtime.
#[must_use]
pub fn build(
    app: &str,
    config: &config::Driver,
    upstream: Option<Upstream>,
    listener: Listener,
    supervisor: impl FnOnce() -> Arc<Supervisor>,
) -> Arc<dyn Driver> {
    match config.clone() {
        config::Driver::Process(config) => {
            Arc::new(ProcessDriver::new(app, config, upstream, listener, supervisor()))
        }
        config::Driver::Command(config) => Arc::new(CommandDriver::new(app, config)),
        config::Driver::Http(config) => Arc::new(HttpDriver::new(app, *config)),
    }
}
