//! Hands the running apps over from one Ebbtide to the next, at a takeover.
//!
//! The new one asks for them when its addresses are open, before it serves anybody. During the handover both guard
//! the apps, so that none outlives them, whichever is killed. If anything fails, the old one keeps the apps, and
//! stops them when it ends.

mod channel;
mod give;
mod take;
#[cfg(test)]
mod tests;
mod wire;

pub(super) use self::channel::{Channel, Door};
pub(super) use self::give::give;
pub(super) use self::take::take;
