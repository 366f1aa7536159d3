//! How Ebbtide decides that an app is idle, seen from outside: the API, the events, the metrics, what
//! `ebbtide explain` says, and the shadow of a suspension.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on stops and says why"
)]

#[path = "../harness/mod.rs"]
mod harness;

mod apps;
mod events;
mod explain;
mod messages;
mod scene;
mod sessions;
mod shadow;
mod sleep;
mod work;
