//! Ends of sessions that meet bytes on their way: a frame cut in half, a Close with more behind it,
//! a reset in the middle of a stream.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on stops and says why"
)]

#[path = "../harness/mod.rs"]
mod harness;

mod behind_close;
mod inside_frame;
mod resets;
