//! `kind = "http"`: a control plane starts and stops the app.
//!
//! A control plane that cannot be asked changes nothing: `observe` gives an error, and the app is left as
//! it is. Whether a wish was taken is what the control plane says, not what it answered last: one that is
//! slow to see its own start does not make a running app look stopped.

mod call;
mod state;

use std::fmt;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::time::{sleep, timeout};

use self::call::ControlPlane;
use super::looks::Looks;
use super::{Driver, DriverError};
use crate::config;
use crate::core::lifecycle::Observed;

/// How often the state is asked for.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// The first pause between two looks whether the app is down; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// The longest.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Has a control plane start and stop one app.
pub struct HttpDriver {
    app: String,
    config: config::HttpDriver,
    control_plane: ControlPlane,
    looks: Looks,
}

impl HttpDriver {
    /// A driver for the app of this name.
    #[must_use]
    pub fn new(app: &str, config: config::HttpDriver) -> HttpDriver {
        let control_plane = ControlPlane::new(app, &config);
        let looks = Looks::new(config.ready_timeout);
        HttpDriver { app: app.to_owned(), config, control_plane, looks }
    }

    async fn look(&self) -> Result<Observed, DriverError> {
        let state = &self.config.state;
        let answer = self.control_plane.ask(&state.call).await?;
        state::read(state, &answer).map_err(|why| {
            DriverError(format!("{} answered what tells no state: {why}", call::name(&state.call)))
        })
    }

    /// Waits until the app is down.
    async fn down(&self) -> Result<(), DriverError> {
        let mut pause = FIRST_PAUSE;
        let mut last = None;
        let down = async {
            loop {
                match self.look().await {
                    Ok(Observed::Suspended | Observed::Disabled) => return,
                    // It may be asked again in a moment.
                    other => last = Some(other),
                }
                sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        };
        let limit = self.config.stop_timeout;
        if timeout(limit, down).await.is_ok() {
            return Ok(());
        }
        let limit = humantime::format_duration(limit);
        Err(DriverError(match last {
            Some(Ok(observed)) => {
                let word = state::word(observed);
                format!(
                    "the control plane took the wish, and says after {limit} that the app is {word}"
                )
            }
            Some(Err(error)) => {
                format!(
                    "the control plane took the wish, but not whether the app is down within {limit}: {error}"
                )
            }
            None => format!("the control plane did not tell the state within {limit}"),
        }))
    }
}

impl Driver for HttpDriver {
    fn start(&self) -> BoxFuture<'_, Result<(), DriverError>> {
        Box::pin(async {
            let begun = self.looks.begin();
            if let Err(refused) = self.control_plane.tell(&self.config.wake).await {
                // Some refuse what is so already.
                match self.look().await {
                    Ok(Observed::Running | Observed::Starting) => {}
                    _ => return Err(refused),
                }
            }
            begun.started();
            Ok(())
        })
    }

    fn stop(&self) -> BoxFuture<'_, Result<(), DriverError>> {
        Box::pin(async {
            let _begun = self.looks.begin();
            if let Err(refused) = self.control_plane.tell(&self.config.suspend).await {
                return match self.look().await {
                    Ok(Observed::Suspended | Observed::Disabled) => Ok(()),
                    _ => Err(refused),
                };
            }
            self.down().await
        })
    }

    fn observe(&self) -> BoxFuture<'_, Result<Observed, DriverError>> {
        Box::pin(self.looks.look(|| self.look()))
    }

    fn look_every(&self) -> Option<Duration> {
        Some(LOOK_EVERY)
    }
}

impl fmt::Debug for HttpDriver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let HttpDriver { app, config, .. } = self;
        f.debug_struct("HttpDriver")
            .field("app", app)
            .field("config", config)
            .finish_non_exhaustive()
    }
}
