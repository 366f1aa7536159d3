//! Certificates, and what a handshake needs on the side of a server or a client.
//!
//! Certificates are read when the configuration is, so that a pair of files that does not fit together is
//! refused like any other mistake and the configuration in force keeps its own. Private keys are in memory
//! only and never in a log.

mod certificate;
mod client;
#[cfg(test)]
pub(crate) mod fixture;
mod pem;
mod server;

pub use self::certificate::{Certificate, Mismatch};
pub use self::client::{ClientTls, NoClientTls, explain};
pub use self::pem::{Chain, Key, PemError};
pub use self::server::ServerTls;
