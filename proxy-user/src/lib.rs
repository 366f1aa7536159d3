//! Ebbtide: a reverse proxy that knows whether anybody is really there.

pub mod config;
pub mod core;
pub mod doctor;
pub mod sockets;
