//! Ebbtide: a reverse proxy that knows whether anybody is really there.
//!
//! The path of a byte: `proxy::listener` accepts, `proxy::service` routes, `proxy::upgrade` makes a
//! session, `pump::flow` moves its bytes through `core::frame`. See `CONTRIBUTING.md`.

pub mod access;
pub mod access_log;
pub mod activity;
pub mod admin;
pub mod admin_client;
pub mod cli;
pub mod clock;
pub mod config;
pub mod control_plane;
pub mod core;
pub mod demo;
pub mod descriptors;
pub mod doctor;
pub mod drivers;
pub mod error;
pub mod events;
pub mod explain;
pub mod http;
pub mod keeper;
pub mod listen;
pub mod logging;
pub mod metrics;
pub mod notify;
pub mod observe;
pub mod packs;
pub mod privileges;
pub mod proxy;
pub mod pump;
pub mod reaper;
pub mod replay;
pub mod server;
pub mod service_manager;
pub mod serving;
pub mod session;
pub mod shadow;
pub mod signals;
pub mod sockets;
pub mod tls;
pub mod toml_file;
pub mod upstream;
mod views;
