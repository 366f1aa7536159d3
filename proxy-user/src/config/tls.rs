//! TLS for browsers: `[tls]`.
//!
//! Plain data: nothing here parses or checks.

use std::net::SocketAddr;

use crate::tls::Certificate;

/// TLS on every address of `listen`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// At least one. The first one is for clients that ask for no server, or for an unknown one.
    pub certificates: Vec<Certificate>,
    /// Addresses without TLS that send browsers to the same URL with `https`. Port 0 = any free port.
    /// Default: none.
    pub redirect: Vec<SocketAddr>,
}
