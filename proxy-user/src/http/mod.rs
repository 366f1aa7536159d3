//! HTTP/1.1 on one connection: shared by the proxy, the admin address, and connections to apps.

mod accept;
pub(crate) mod alarm;
pub(crate) mod paced;
mod queues;
pub(crate) mod refusal;
pub(crate) mod stream;
pub(crate) mod timed;

pub(crate) use self::accept::{PAUSE, accept};
pub(crate) use self::refusal::{LOOP, REASON, Refusal};
