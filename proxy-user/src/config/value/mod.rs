//! From the text of one value to its type, one file per kind of value that only the configuration has.
//!
//! Nothing here knows keys, lines or files; a bad value comes back as a `ValueError`.

pub(super) mod header;
pub(super) mod host;
pub(super) mod keepalive;
pub(super) mod name;
pub(super) mod net;
pub(super) mod pattern;
pub(super) mod percent;
pub(super) mod place;
pub(super) mod pointer;
pub(super) mod template;
pub(super) mod upstream;
pub(super) mod web;
pub(super) mod window;

use std::time::Duration;

/// The longest of most durations: what is meant to be longer is meant to be off.
pub(crate) const DAY: Duration = Duration::from_secs(24 * 3600);

/// The shortest of most durations: the sweep looks once a second.
pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// The longest time without activity: a longer rest is never meant.
pub(crate) const YEAR: Duration = Duration::from_secs(8760 * 3600);
