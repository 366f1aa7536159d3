//! Upstreams of every kind, and what apps and clients get through them.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on stops and says why"
)]

#[path = "../harness/mod.rs"]
mod harness;

mod error_pages;
mod front;
mod headers;
mod paths;
mod tls;
