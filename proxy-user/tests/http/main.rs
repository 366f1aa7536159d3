//! Plain HTTP through the proxy, byte for byte: routing, messages, header fields, refusals.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on stops and says why"
)]

#[path = "../harness/mod.rs"]
mod harness;

mod admin_crowd;
mod bodies;
mod connections;
mod departed;
mod descriptors;
mod early;
mod expect;
mod fields;
mod forwarded;
mod framing;
mod held;
mod hosts;
mod interim;
mod lines;
mod loops;
mod pooled;
mod reason;
mod refusals;
mod routing;
mod spelling;
mod timeouts;
mod unreadable;
