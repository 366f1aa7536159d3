//! What counts as activity, seen from outside: messages, requests and handshakes go through the real
//! binary as bytes, and its metrics and its answers tell what it took them for.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on stops and says why"
)]

#[path = "../harness/mod.rs"]
mod harness;

mod compressed;
mod framing;
mod heartbeats;
mod reopened;
mod requests;
mod scene;
mod sides;
