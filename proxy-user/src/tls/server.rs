//! What a server needs for handshakes, of which the certificates may change while it runs.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use rustls::ServerConfig;
use rustls::crypto::ring::{Ticketer, default_provider};
use rustls::server::{ClientHello, ResolvesServerCert, ServerSessionMemoryCache};
use rustls::sign::CertifiedKey;

use super::Certificate;
use crate::core::server_names::ServerNames;

/// Sessions of TLS 1.2 that are kept for clients without tickets, which are few and old; about 1 MiB. The
/// oldest ones give way.
const SESSIONS: usize = 4096;

/// Tickets that a client gets after a full handshake of TLS 1.3. Browsers use each for one connection (RFC
/// 8446 appendix C.4) and open a second connection soon: the WebSocket.
const TICKETS: usize = 2;

/// TLS 1.2 and 1.3, without client certificates. Clients resume their sessions by tickets, whose key changes
/// every 6 hours and is forgotten 6 hours later; certificates can change meanwhile.
pub struct ServerTls {
    /// `None` = no TLS.
    config: ArcSwapOption<ServerConfig>,
    /// Has everything but the certificates.
    base: ServerConfig,
}

impl ServerTls {
    /// Without certificates. `protocols`: the names for ALPN, the preferred one first.
    ///
    /// # Errors
    /// There is no randomness for the tickets' key.
    pub fn new(protocols: &[&str]) -> Result<ServerTls, rustls::Error> {
        let provider = Arc::new(default_provider());
        let base = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth();
        let mut base = base.with_cert_resolver(Arc::new(Resolver::default()));
        base.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        base.ticketer = Ticketer::new()?;
        base.session_storage = ServerSessionMemoryCache::new(SESSIONS);
        base.send_tls13_tickets = TICKETS;
        Ok(ServerTls { config: ArcSwapOption::empty(), base })
    }

    /// Uses these certificates from the next handshake on; none = no TLS. The first one is for clients that
    /// ask for no server, or for an unknown one.
    pub fn set(&self, certificates: &[Certificate]) {
        let config = (!certificates.is_empty()).then(|| {
            let mut config = self.base.clone();
            config.cert_resolver = Arc::new(Resolver::new(certificates));
            Arc::new(config)
        });
        self.config.store(config);
    }

    /// For the next handshake; `None` = no TLS.
    #[must_use]
    pub fn config(&self) -> Option<Arc<ServerConfig>> {
        self.config.load_full()
    }
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerTls").finish_non_exhaustive()
    }
}

/// Chooses the certificate.
#[derive(Debug, Default)]
struct Resolver {
    names: ServerNames,
    pairs: Vec<Arc<CertifiedKey>>,
}

impl Resolver {
    fn new(certificates: &[Certificate]) -> Resolver {
        let mut names = ServerNames::default();
        // A name that somebody wrote down counts more than one that a certificate happens to have.
        for written in [true, false] {
            let each = certificates.iter().enumerate();
            for (index, one) in each.filter(|(_, one)| one.has_hosts() == written) {
                one.names().iter().for_each(|name| names.add(name, index));
            }
        }
        Resolver { names, pairs: certificates.iter().map(|one| Arc::clone(&one.pair)).collect() }
    }
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let index = hello.server_name().and_then(|name| self.names.find(name)).unwrap_or(0);
        self.pairs.get(index).cloned()
    }
}

#[cfg(test)]
mod tests;
