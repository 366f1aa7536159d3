//! The way to an app: connections, those that are kept for the next request, and why there is no answer.

mod app_stream;
mod connect;
mod connection;
mod pool;

pub(crate) use self::connection::{UpstreamConnection, UpstreamError, builder};
pub(crate) use self::pool::Pool;
