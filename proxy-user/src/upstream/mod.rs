//! Connections to apps, the pool of idle ones, and why a request has no answer.

mod app_stream;
mod connect;
mod connection;
mod pool;

pub(crate) use self::connection::{UpstreamConnection, UpstreamError, builder};
pub(crate) use self::pool::Pool;
