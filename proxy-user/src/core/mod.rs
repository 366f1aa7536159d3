//! Pure state machines: bytes, socket rows and `now` go in, decisions come out.
//!
//! Nothing in this folder may know a socket, a clock, a task or a metric; `tests/purity.rs` fails if it names
//! tokio, hyper, aya, prometheus or a clock.

pub mod access;
pub mod access_log;
pub mod arrival;
pub mod backoff;
pub mod blocked;
pub mod cadence;
pub mod client_timeouts;
pub mod closing;
pub mod cpu;
pub mod decoder;
pub mod digest;
pub mod drain;
pub mod ending;
pub mod event_stream;
pub mod extension;
pub mod frame;
pub mod framing;
pub mod gate;
pub mod headers;
pub mod heartbeat;
pub mod history;
pub mod https_redirect;
pub mod judge;
pub mod keep_awake;
pub mod keepalive;
pub mod lifecycle;
pub mod listening;
pub mod loops;
pub mod loss;
pub mod navigation;
pub mod notify;
pub mod observe;
pub mod pack;
pub mod payload;
pub mod report;
pub mod return_to;
pub mod route;
pub mod seat_queue;
pub mod server_names;
pub mod settled;
pub mod shadow;
pub mod side;
pub mod skeleton;
pub mod sleeps;
pub mod stall;
pub mod time;
pub mod upstream_target;
pub mod visit;
pub mod work;
