//! What Ebbtide answers in place of an app: as configured, and while it does not run.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail")]

#[path = "../harness/mod.rs"]
mod harness;

mod own;
mod page;
mod scene;
mod seats;
