//! The lifecycle of an app with a driver.

use serde::{Deserialize, Serialize};

use super::{ago, time};
use crate::core::lifecycle::State;
use crate::core::time::Nanos;
use crate::session::App;

/// All `None` for an app without a driver.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct LifeView {
    /// The kind of driver.
    pub(crate) driver: Option<String>,
    /// When it entered its state.
    pub(crate) since: Option<String>,
    pub(crate) since_seconds: Option<f64>,
    /// Why it last failed to start, or exited; kept until it has run for a while.
    pub(crate) failure: Option<String>,
    /// If it has failed: when it will be started again, unless nobody wants it any more by then.
    pub(crate) next_try: Option<String>,
    pub(crate) next_try_in_seconds: Option<f64>,
}

impl LifeView {
    /// The lifecycle of the app at `now`.
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
            failure: status.failure.map(|failure| failure.to_string()),
            next_try: next_try.map(time),
            next_try_in_seconds: next_try.map(|at| at.since(now).as_secs_f64()),
        }
    }
}
