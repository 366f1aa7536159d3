//! A certificate with its private key.

use std::path::Path;
use std::sync::Arc;

use rustls::sign::CertifiedKey;

use super::pem::{Chain, Key};
use crate::core::route::HostPattern;

/// Why a chain and a key cannot be used together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// It is another certificate's key.
    #[error("the private key does not belong to the certificate")]
    OtherKey,
    /// It is the key of a certificate that is not the first one in its file.
    #[error("the private key belongs to a certificate that is not the first one in its file")]
    Order,
}

impl Mismatch {
    /// What to do about it.
    #[must_use]
    pub fn fix(self) -> &'static str {
        match self {
            Mismatch::OtherKey => "write the files of one pair",
            Mismatch::Order => "move the server's certificate above those that it was signed with",
        }
    }
}

/// A certificate with the key that belongs to it.
#[derive(Clone, Debug)]
pub struct Certificate {
    chain: Chain,
    key: Key,
    /// Replaces the certificate's own names if there are any.
    hosts: Vec<HostPattern>,
    pub(super) pair: Arc<CertifiedKey>,
}

impl Certificate {
    /// Puts a chain and its key together. `hosts`: the servers to use it for; none = those that it names.
    ///
    /// # Errors
    /// They do not belong together.
    pub fn new(chain: Chain, key: Key, hosts: Vec<HostPattern>) -> Result<Certificate, Mismatch> {
        let signs = Arc::clone(&key.signs);
        let mut pair = CertifiedKey::new(chain.certificates.clone(), signs);
        if pair.keys_match().is_err() {
            // The order in which some authorities deliver them.
            let other = chain.certificates.iter().skip(1).any(|other| {
                pair.cert = vec![other.clone()];
                pair.keys_match().is_ok()
            });
            return Err(if other { Mismatch::Order } else { Mismatch::OtherKey });
        }
        Ok(Certificate { chain, key, hosts, pair: Arc::new(pair) })
    }

    /// The files that it was read from.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        [&*self.chain.file, &*self.key.file].into_iter()
    }

    /// Whether the configuration says which servers it is for.
    #[must_use]
    pub fn has_hosts(&self) -> bool {
        !self.hosts.is_empty()
    }

    /// The servers that it is for, such as `example.com` and `*.example.com`. May be empty.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        match self.has_hosts() {
            true => self.hosts.iter().map(ToString::to_string).collect(),
            false => self.chain.names.iter().map(ToString::to_string).collect(),
        }
    }
}

/// The certificate decides which key belongs to it, so keys need not be compared.
impl PartialEq for Certificate {
    fn eq(&self, other: &Certificate) -> bool {
        self.chain == other.chain && self.key.file == other.key.file && self.hosts == other.hosts
    }
}

impl Eq for Certificate {}
