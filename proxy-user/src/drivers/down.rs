//! Waits for an app to be down that was told to stop, where only a look can tell.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::DriverError;
use crate::core::lifecycle::Observed;

/// The first pause between two looks; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// The longest.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Looks until the app is down. A look that fails is made again.
///
/// # Errors
/// It is not down after `limit`, or nobody can tell.
pub(super) async fn until_down<F>(limit: Duration, look: impl Fn() -> F) -> Result<(), DriverError>
where
    F: Future<Output = Result<Observed, DriverError>>,
{
    let is_down =
        |seen: &Result<_, _>| matches!(seen, Ok(Observed::Suspended | Observed::Disabled));
    // One look there is, however short the time.
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
