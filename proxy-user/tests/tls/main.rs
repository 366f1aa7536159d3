//! TLS for browsers: certificates that are chosen and changed, and the way from `http` to `https`.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on stops and says why"
)]

#[path = "../harness/mod.rs"]
mod harness;

mod certificates;
mod client;
mod files;
mod moves;
mod redirect;
mod sessions;
