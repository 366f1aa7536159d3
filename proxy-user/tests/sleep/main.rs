//! Apps with a driver, by the real binary: idle ones are suspended although a tab stays open, and come back
//! once for whoever comes, who waits and loses nothing.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops and says why")]

mod ends;
#[path = "../harness/mod.rs"]
mod harness;
mod idle;
mod reload;
mod scene;
mod tabs;
mod takeover;
mod transfers;
mod wake;
