//! Waits until an app that was told to stop is down, by looking at it again and again.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::DriverError;
use crate::core::lifecycle::Observed;

/// The first pause between two looks; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Looks at the app until it is down. A look that fails is repeated.
///
/// # Errors
/// The app is not down after `limit`, or its state cannot be read.
pub(super) async fn until_down<F>(limit: Duration, look: impl Fn() -> F) -> Result<(), DriverError>
where
    F: Future<Output = Result<Observed, DriverError>>,
{
    let is_down =
        |seen: &Result<_, _>| matches!(seen, Ok(Observed::Suspended | Observed::Disabled));
    // Look at least once, however short the time.
    let mut last = look().await;
    let mut pause = FIRST_PAUSE;
    let down = async {
        while !is_down(&last) {
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            last = look().await;
        }
    };
    if timeout(limit, down).await.is_ok() {
        return Ok(());
    }
    Err(DriverError::new(match last {
        Ok(observed) => format!(
            "the app was told to stop, and is still {} when `stop_timeout` is over",
            word(observed)
        ),
        Err(error) => format!(
            "the app was told to stop, and nobody can tell whether it is down when `stop_timeout` is over: \
             {error}"
        ),
    }))
}

/// A state as Ebbtide calls it.
fn word(observed: Observed) -> &'static str {
    match observed {
        Observed::Running => "running",
        Observed::Starting => "starting",
        Observed::Suspended => "suspended",
        Observed::Disabled => "disabled",
    }
}
