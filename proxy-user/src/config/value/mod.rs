//! Parses single values; one file per kind of value that only the configuration has.
//!
//! Nothing here knows keys, lines or files; a bad value comes back as a `ValueError`.

pub(super) mod header;
pub(super) mod host;
pub(super) mod keepalive;
pub(super) mod name;
pub(super) mod net;
pub(super) mod pattern;
pub(super) mod pem;
pub(super) mod percent;
pub(super) mod place;
pub(super) mod pointer;
pub(super) mod template;
pub(super) mod upstream;
pub(super) mod web;
pub(super) mod window;

use std::time::Duration;

/// The maximum of most durations: anything longer should be "off".
pub(crate) const DAY: Duration = Duration::from_secs(24 * 3600);

/// The minimum of most durations: the sweep runs once a second.
pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// The maximum of `idle_after` and `busy_limit`.
pub(crate) const YEAR: Duration = Duration::from_secs(8760 * 3600);
