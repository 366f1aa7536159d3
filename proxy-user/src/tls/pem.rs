//! Reads certificates and private keys from PEM files (RFC 7468).
//!
//! Messages never quote a file: it may hold a key, whatever it was meant to hold.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::SigningKey;
use webpki::EndEntityCert;

/// A chain of certificates has a few KiB.
const LARGEST: u64 = 1 << 20;

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PemError {
    /// It cannot be read.
    #[error(transparent)]
    Unreadable(#[from] io::Error),
    /// It is not PEM, or only the start of it.
    #[error("it is not a PEM file, or was cut off")]
    Broken,
    /// It has no certificate.
    #[error("there is no certificate in it")]
    NoCertificate,
    /// Its first certificate cannot be read.
    #[error("its first certificate cannot be used ({0:?})")]
    BadCertificate(webpki::Error),
    /// It has no private key.
    #[error("there is no private key in it")]
    NoKey,
    /// Its private key needs a passphrase.
    #[error("the private key is encrypted")]
    Encrypted,
    /// Its private key is broken or of another kind.
    #[error("the private key is broken, or not of a kind that this proxy can use")]
    UnknownKey,
}

impl PemError {
    /// What to do about it.
    #[must_use]
    pub fn fix(&self) -> &'static str {
        match self {
            PemError::Unreadable(_) => "write the path of a PEM file that this process may read",
            PemError::Broken => {
                "write the path of a PEM file, which has lines such as -----BEGIN CERTIFICATE-----"
            }
            PemError::NoCertificate => {
                "write the path of a PEM file with the server's certificate and those that it was \
                 signed with"
            }
            PemError::BadCertificate(_) => "it must be an X.509 certificate of version 3",
            PemError::NoKey => "write the path of a PEM file with the certificate's private key",
            PemError::Encrypted => {
                "nobody is there to type a passphrase: decrypt it (openssl pkey -in … -out …), and \
                 let only this process's user read the file"
            }
            PemError::UnknownKey => {
                "it must be RSA of 2048 to 4096 bits, ECDSA on P-256 or P-384, or Ed25519"
            }
        }
    }
}

/// A server's certificate, followed by those that it was signed with.
#[derive(Clone, PartialEq, Eq)]
pub struct Chain {
    pub(super) file: PathBuf,
    pub(super) certificates: Vec<CertificateDer<'static>>,
    pub(super) names: Vec<Box<str>>,
}

impl Chain {
    /// Reads a PEM file with at least one certificate; other sections are ignored.
    ///
    /// # Errors
    /// As [`PemError`] says.
    pub fn read(file: &Path) -> Result<Chain, PemError> {
        let text = text(file)?;
        let certificates = CertificateDer::pem_slice_iter(&text).collect::<Result<Vec<_>, _>>();
        let certificates = certificates.map_err(|_| PemError::Broken)?;
        let first = certificates.first().ok_or_else(|| absent(&text, PemError::NoCertificate))?;
        let parsed = EndEntityCert::try_from(first).map_err(PemError::BadCertificate)?;
        let names = parsed.valid_dns_names().map(|name| name.to_ascii_lowercase().into());
        let names = names.collect();
        Ok(Chain { file: file.to_owned(), certificates, names })
    }

    /// The DNS names that the first certificate is for (subjectAltName); those with `*.` too.
    #[must_use]
    pub fn names(&self) -> &[Box<str>] {
        &self.names
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chain").field("file", &self.file).field("names", &self.names).finish()
    }
}

/// A private key. Never shown.
#[derive(Clone)]
pub struct Key {
    pub(super) file: PathBuf,
    pub(super) signs: Arc<dyn SigningKey>,
}

impl Key {
    /// Reads the first private key of a PEM file: PKCS #8, PKCS #1 or SEC 1.
    ///
    /// # Errors
    /// As [`PemError`] says.
    pub fn read(file: &Path) -> Result<Key, PemError> {
        let text = text(file)?;
        if is_encrypted(&text) {
            return Err(PemError::Encrypted);
        }
        let key = PrivateKeyDer::from_pem_slice(&text).map_err(|error| match error {
            pem::Error::NoItemsFound => absent(&text, PemError::NoKey),
            _ => PemError::Broken,
        })?;
        let signs = any_supported_type(&key).map_err(|_| PemError::UnknownKey)?;
        Ok(Key { file: file.to_owned(), signs })
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("file", &self.file).finish_non_exhaustive()
    }
}

fn text(file: &Path) -> io::Result<Vec<u8>> {
    // Checked before opening: opening a pipe would wait for its writer.
    if !std::fs::metadata(file)?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let mut text = Vec::new();
    File::open(file)?.take(LARGEST + 1).read_to_end(&mut text)?;
    match u64::try_from(text.len()) {
        Ok(..=LARGEST) => Ok(text),
        _ => Err(io::Error::other("it is larger than 1 MiB")),
    }
}

/// What to say about a file without the wanted section.
fn absent(text: &[u8], wanted: PemError) -> PemError {
    match memchr::memmem::find(text, b"-----BEGIN ") {
        Some(_) => wanted,
        None => PemError::Broken,
    }
}

/// Whether there is an encrypted key, in the form of PKCS #8 (RFC 7468 section 11) or in that of OpenSSL
/// (RFC 1421 section 4.6.1.1).
fn is_encrypted(text: &[u8]) -> bool {
    let has = |line: &[u8]| memchr::memmem::find(text, line).is_some();
    has(b"-----BEGIN ENCRYPTED PRIVATE KEY-----") || has(b"Proc-Type: 4,ENCRYPTED")
}

#[cfg(test)]
mod tests;
