//! What the black-box tests share: the real binary as a child process, and raw peers on both of
//! its sides. Nothing here uses the proxy's code, so that it is an independent model of it.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses its own part of the harness")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that cannot go on stops and says why"
)]
#![allow(clippy::disallowed_methods, reason = "the tests run in real time, read only here")]
#![allow(clippy::cast_possible_truncation, reason = "the frame model narrows lengths on purpose")]

pub mod app;
pub mod cgroup;
pub mod command;
pub mod control;
pub mod frame;
pub mod http;
pub mod log;
pub mod metrics;
pub mod namespace;
pub mod payload;
pub mod proxy;
pub mod relay;
pub mod scratch;
pub mod session;
pub mod setup;
pub mod source;
pub mod traffic;
pub mod wait;
pub mod wire;
