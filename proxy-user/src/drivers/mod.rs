//! How apps are started and stopped: one trait, and a folder for each kind of driver.
//!
//! A driver does what it is told and reports what it sees. It must not know about requests, sessions or the
//! lobby, nor why it gets a command: `core::lifecycle` decides.

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

/// Why a driver could not do something.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct DriverError(pub Failure);

impl DriverError {
    /// An error without output of the app.
    #[must_use]
    pub fn new(why: impl Into<Box<str>>) -> DriverError {
        DriverError(Failure::new(why))
    }
}

/// What a driver reports without being asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The app has ended by itself.
    Exited(Failure),
    /// Its state is no longer what it was.
    Observed(Observed),
}

/// What another Ebbtide needs to take over a running app from this one.
#[derive(Debug)]
pub struct Papers {
    /// Read by the same kind of driver.
    pub text: String,
    /// Open descriptors that go with the text.
    pub descriptors: Vec<OwnedFd>,
}

/// Receives a driver's notices. Called from any thread; must not block.
pub type Listener = Arc<dyn Fn(Notice) + Send + Sync>;

/// Starts and stops one app.
///
/// At most one of `start` and `stop` is in progress at a time. Dropping its future cancels it; the next call may
/// finish or undo what it has begun.
pub trait Driver: Debug + Send + Sync {
    /// Starts the app unless it is running. Completes when the request to start it was accepted; whether it
    /// answers is checked elsewhere.
    fn start(&self) -> BoxFuture<'_, Result<(), DriverError>>;

    /// Stops the app. Completes when it is down.
    fn stop(&self) -> BoxFuture<'_, Result<(), DriverError>>;

    /// Checks, as far as can be known beforehand, that `stop` would not fail. Changes nothing.
    fn check_stop(&self) -> BoxFuture<'_, Result<(), DriverError>> {
        Box::pin(std::future::ready(Ok(())))
    }

    /// Reads the app's current state.
    fn observe(&self) -> BoxFuture<'_, Result<Observed, DriverError>>;

    /// How often to call `observe`; `None` = never, because the driver notices changes by itself.
    fn look_every(&self) -> Option<Duration> {
        None
    }

    /// Where the app listens, if the driver decides that. May change with each start.
    fn upstream(&self) -> Option<Upstream> {
        None
    }

    /// Whether the app ends when this process ends.
    fn ends_with_us(&self) -> bool {
        false
    }

    /// What another Ebbtide needs to take over the app; `None` = it does not run, or cannot be handed over.
    fn papers(&self) -> Option<Papers> {
        None
    }

    /// Another Ebbtide has taken over the app, and this one leaves it alone. Completes when this process no longer
    /// reads its output or guards it.
    fn release(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }

    /// Takes over an app that another Ebbtide has started, and guards it. The other one reads its output until
    /// [`Driver::released`].
    ///
    /// # Errors
    /// It cannot be guarded, or the papers are not understood.
    fn adopt(&self, _papers: Papers) -> Result<(), DriverError> {
        Err(DriverError::new("apps of this driver cannot be handed over"))
    }

    /// The other Ebbtide has released the app that was adopted.
    fn released(&self) {}

    /// The CPU time that all processes of the app have used since it was started; `None` = not known. Called up to
    /// once a second, so it must be cheap.
    fn cpu_time(&self) -> Option<Duration> {
        None
    }

    /// The last lines that the app printed, the newest last: they may show why it does not start.
    fn output(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Builds the driver of an app. `upstream`: where the app listens, if the configuration says so. `supervisor`:
/// called only if the app is a child process.
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
