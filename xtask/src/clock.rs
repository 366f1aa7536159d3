//! The one place in which the build tasks read a clock, to tell how long something took.

use std::time::Instant;

/// The present moment.
#[allow(clippy::disallowed_methods, reason = "a build task tells how long it took")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
