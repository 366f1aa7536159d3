//! The data types of the admin API: `/api` serialises them, `ebbtide explain` parses them.
//!
//! Moments are converted to wall-clock times here and nowhere earlier. Nothing that serves users may depend
//! on this.

mod apps;
mod events;
mod life;
mod losses;
mod sessions;
mod shadow;
mod traffic;
mod unknown;

pub(crate) use self::apps::{AppDetail, AppView, HintView, LastActivity};
pub(crate) use self::events::{EventView, notice_json};
pub(crate) use self::life::LifeView;
pub(crate) use self::losses::LossesView;
pub(crate) use self::sessions::{LegView, sessions};
pub(crate) use self::shadow::{Alternative, Compared, ShadowView};
pub(crate) use self::traffic::TrafficView;
pub(crate) use self::unknown::{Refused, UnknownApp};
use crate::clock;
use crate::core::time::Nanos;

/// A moment as written by the API: RFC 3339, with milliseconds.
fn time(at: Nanos) -> String {
    humantime::format_rfc3339_millis(clock::wall(at)).to_string()
}

/// How many seconds ago a moment was.
fn ago(at: Nanos) -> f64 {
    clock::ago(at).as_secs_f64()
}
