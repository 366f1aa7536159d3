//! Who may use an app: `[access]`, from raw bytes on all sides.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on stops and says why"
)]

#[path = "../harness/mod.rs"]
mod harness;

mod addresses;
mod asleep;
mod cached;
mod combined;
mod failing;
mod passwords;
mod question;
mod scene;
mod services;
mod shares;
mod users;
mod verdict;
