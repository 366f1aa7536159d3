//! TLS on the server's side: certificates, and what a handshake needs.
//!
//! Certificates are read when the configuration is, so that a pair of files that does not fit together is
//! refused like any other mistake and the configuration in force keeps its own. Private keys are in memory
//! only and never in a log.

mod certificate;
mod pem;
mod server;

pub use self::certificate::{Certificate, Mismatch};
pub use self::pem::{Chain, Key, PemError};
pub use self::server::ServerTls;
