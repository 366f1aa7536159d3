//! Where an app with a driver stands between running and suspended.

use serde::{Deserialize, Serialize};

use super::{ago, time};
use crate::core::lifecycle::State;
use crate::core::time::Nanos;
use crate::session::App;

/// All `None` for an app without a driver, of which nothing of this is known.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct LifeView {
    /// The kind of driver.
    pub(crate) driver: Option<String>,
    /// When it came into its state.
    pub(crate) since: Option<String>,
    pub(crate) since_seconds: Option<f64>,
    /// Why it last could not start, or ended by itself; until it has run for a while.
    pub(crate) failure: Option<String>,
    /// When it failed: the next attempt to start it, unless nobody wants it any more by then.
    pub(crate) next_try: Option<String>,
    pub(crate) next_try_in_seconds: Option<f64>,
}

impl LifeView {
    /// The app as it is at `now`.
    pub(super) fn of(app: &App, now: Nanos) -> LifeView {
        let policy = app.policy();
        let Some(driver) = policy.config.driver.as_ref().filter(|_| app.life.is_driven()) else {
            return LifeView::default();
        };
        let status = app.life.status();
        let next_try = match status.state {
            State::Failed { until, .. } => Some(until),
            _ => None,
        };
        LifeView {
            driver: Some(driver.kind().to_owned()),
            since: Some(time(status.since)),
            since_seconds: Some(ago(status.since)),
            failure: status.failure.map(|failure| failure.0.into()),
            next_try: next_try.map(time),
            next_try_in_seconds: next_try.map(|at| at.since(now).as_secs_f64()),
        }
    }
}
