//! `kind = "http"`: a control plane starts and stops the app.
//!
//! If the control plane cannot be asked, nothing changes: `observe` returns an error, and the app is left as it
//! is. A control plane may be slow to notice that it has started the app: for a while, its `suspended` then does
//! not make the app look stopped.

mod call;
mod state;

use std::fmt;
use std::time::Duration;

use futures_util::future::BoxFuture;

use self::call::ControlPlane;
use super::down::until_down;
use super::looks::Looks;
use super::{Driver, DriverError};
use crate::config;
use crate::core::lifecycle::Observed;

/// How often the state is asked for.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// Starts and stops one app through a control plane.
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
            DriverError::new(format!(
                "{} answered what tells no state: {why}",
                call::name(&state.call)
            ))
        })
    }
}

impl Driver for HttpDriver {
    fn start(&self) -> BoxFuture<'_, Result<(), DriverError>> {
        Box::pin(async {
            let begun = self.looks.begin();
            if let Err(refused) = self.control_plane.tell(&self.config.wake).await {
                // Some refuse to start an app that is already running.
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
            until_down(self.config.stop_timeout, || self.look()).await
        })
    }

    fn check_stop(&self) -> BoxFuture<'_, Result<(), DriverError>> {
        // If the state cannot be read, nobody could tell when the app is down.
        Box::pin(async { self.look().await.map(drop) })
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
