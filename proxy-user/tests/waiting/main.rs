//! What Ebbtide answers in place of an app that does not run, to whoever watches it start.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail")]

#[path = "../harness/mod.rs"]
mod harness;

mod own;
