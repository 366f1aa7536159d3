//! At a takeover: the running apps go from one Ebbtide to the next.
//!
//! The next one asks when its addresses are open and nobody is served by it yet. An app is guarded by both until
//! it is by the next one alone, so that it ends with them whoever is killed meanwhile. Where anything fails, the
//! old one keeps what it has, and stops it when it leaves.

mod channel;
mod give;
mod take;
mod wire;

pub(super) use self::channel::{Channel, Door};
pub(super) use self::give::give;
pub(super) use self::take::take;
