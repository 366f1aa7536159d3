//! `kind = "command"`: the operator's programs start and stop the app, and report its state.
//!
//! If the state cannot be read, because its program fails, hangs or prints anything else, the app is left as it is.

mod program;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;

use self::program::{Printed, Program};
use super::down::until_down;
use super::looks::Looks;
use super::{Driver, DriverError};
use crate::clock;
use crate::config;
use crate::core::lifecycle::Observed;
use crate::toml_file::quote;

/// How often the state is asked for.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// How long the program that reports it may take.
const STATE: Duration = Duration::from_secs(10);

/// Starts and stops one app by running programs.
pub struct CommandDriver {
    app: String,
    config: config::CommandDriver,
    looks: Looks,
    printed: Arc<Printed>,
}

impl CommandDriver {
    /// A driver for the app of this name.
    #[must_use]
    pub fn new(app: &str, config: config::CommandDriver) -> CommandDriver {
        let looks = Looks::new(config.ready_timeout);
        CommandDriver { app: app.to_owned(), config, looks, printed: Arc::default() }
    }

    fn program<'a>(
        &'a self,
        key: &'static str,
        words: &'a [String],
        limit: Duration,
    ) -> Program<'a> {
        Program { key, words, app: &self.app, config: &self.config, limit }
    }

    async fn look(&self) -> Result<Observed, DriverError> {
        let program = self.program("state", &self.config.state, STATE);
        let said = program.ask().await?;
        match said.trim() {
            "running" => Ok(Observed::Running),
            "starting" => Ok(Observed::Starting),
            "suspended" => Ok(Observed::Suspended),
            "" => Err(program.failed("it printed nothing")),
            other => {
                let other = quote(other);
                Err(program.failed(&format!(
                    "it printed {other}, which is none of running, starting and suspended"
                )))
            }
        }
    }
}

impl Driver for CommandDriver {
    fn start(&self) -> BoxFuture<'_, Result<(), DriverError>> {
        Box::pin(async {
            let begun = self.looks.begin();
            let wake = self.program("wake", &self.config.wake, self.config.ready_timeout);
            if let Err(failed) = wake.run(&self.printed).await {
                // Some fail if the app is already running.
                match self.look().await {
                    Ok(Observed::Running | Observed::Starting) => {}
                    _ => return Err(failed),
                }
            }
            begun.started();
            Ok(())
        })
    }

    fn stop(&self) -> BoxFuture<'_, Result<(), DriverError>> {
        Box::pin(async {
            let _begun = self.looks.begin();
            let (limit, began) = (self.config.stop_timeout, clock::now());
            let suspend = self.program("suspend", &self.config.suspend, limit);
            if let Err(failed) = suspend.run(&self.printed).await {
                return match self.look().await {
                    Ok(Observed::Suspended | Observed::Disabled) => Ok(()),
                    _ => Err(failed),
                };
            }
            let left = limit.saturating_sub(clock::elapsed(began));
            until_down(left, || self.look()).await
        })
    }

    fn check_stop(&self) -> BoxFuture<'_, Result<(), DriverError>> {
        Box::pin(async {
            self.program("suspend", &self.config.suspend, self.config.stop_timeout).check()?;
            // If the state cannot be read, nobody could tell when the app is down.
            self.look().await.map(drop)
        })
    }

    fn observe(&self) -> BoxFuture<'_, Result<Observed, DriverError>> {
        Box::pin(self.looks.look(|| self.look()))
    }

    fn look_every(&self) -> Option<Duration> {
        Some(LOOK_EVERY)
    }

    fn output(&self) -> Vec<String> {
        self.printed.newest()
    }
}

impl fmt::Debug for CommandDriver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommandDriver").field("app", &self.app).finish_non_exhaustive()
    }
}
