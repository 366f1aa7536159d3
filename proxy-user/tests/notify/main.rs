//! `[[notify]]`, by the real binary: what happened is told at least once and in order for each app, whatever
//! the control plane does meanwhile; and what could not be told is counted.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops and says why")]

mod away;
mod events;
#[path = "../harness/mod.rs"]
mod harness;
mod leaving;
mod scene;
