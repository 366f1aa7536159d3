//! TLS to servers: which certificates are trusted.

use std::fmt;
use std::sync::{Arc, LazyLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, InvalidMessage, OtherError,
    RootCertStore, SignatureScheme,
};

use super::Chain;

/// The name of HTTP/1.1 in ALPN (RFC 7301 section 6).
const HTTP_1_1: &[u8] = b"http/1.1";

/// With the roots of the system, which are read once.
static SYSTEM: LazyLock<Result<Arc<ClientConfig>, NoClientTls>> = LazyLock::new(|| {
    let mut roots = RootCertStore::empty();
    // Some systems have a few old certificates that cannot be read.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    match roots.is_empty() {
        true => Err(NoClientTls::NoRoots),
        false => client_config(verifier(roots)?),
    }
});

/// Why no server can be verified.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NoClientTls {
    /// The system has no root certificates.
    #[error("this system has no root certificates")]
    NoRoots,
    /// A certificate cannot be trusted as a root.
    #[error("a certificate cannot be used to verify others ({0})")]
    BadRoot(rustls::Error),
}

/// TLS 1.2 and 1.3 to servers, for HTTP/1.1. Clones share the tickets with which sessions are resumed.
#[derive(Clone)]
pub struct ClientTls(Trust);

#[derive(Clone)]
enum Trust {
    /// What the system trusts.
    System,
    /// What the user trusts: the certificates of a file, or with `None` everybody.
    User(Option<Chain>, Arc<ClientConfig>),
}

impl ClientTls {
    /// Trusts what the system trusts.
    #[must_use]
    pub fn system() -> ClientTls {
        ClientTls(Trust::System)
    }

    /// Trusts what these certificates have signed, and these certificates themselves.
    ///
    /// # Errors
    /// One of them cannot be used for that.
    pub fn trusting(chain: Chain) -> Result<ClientTls, NoClientTls> {
        let mut roots = RootCertStore::empty();
        for certificate in &chain.certificates {
            roots.add(certificate.clone()).map_err(NoClientTls::BadRoot)?;
        }
        let inner = verifier(roots)?;
        let roots = OwnRoots { inner, certificates: chain.certificates.clone() };
        let verifier = UserVerifier::new(Some(roots));
        Ok(ClientTls(Trust::User(Some(chain), client_config(verifier)?)))
    }

    /// Trusts everybody: whoever is between here and the server can read and change everything.
    ///
    /// # Errors
    /// Never with the cryptography of this version.
    pub fn unverified() -> Result<ClientTls, NoClientTls> {
        Ok(ClientTls(Trust::User(None, client_config(UserVerifier::of_nothing())?)))
    }

    /// For a handshake.
    ///
    /// # Errors
    /// The system has no root certificates.
    pub fn config(&self) -> Result<Arc<ClientConfig>, NoClientTls> {
        match &self.0 {
            Trust::System => SYSTEM.clone(),
            Trust::User(_, config) => Ok(Arc::clone(config)),
        }
    }

    /// The file that it was read from.
    pub fn file(&self) -> Option<&std::path::Path> {
        match &self.0 {
            Trust::User(Some(chain), _) => Some(&chain.file),
            Trust::User(None, _) | Trust::System => None,
        }
    }

    /// Whether it is the other one or a clone of it. Quicker than comparing, and different after a reload.
    #[must_use]
    pub fn is_clone_of(&self, other: &ClientTls) -> bool {
        match (&self.0, &other.0) {
            (Trust::System, Trust::System) => true,
            (Trust::User(_, one), Trust::User(_, other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }
}

/// Two are equal if they trust the same.
impl PartialEq for ClientTls {
    fn eq(&self, other: &ClientTls) -> bool {
        match (&self.0, &other.0) {
            (Trust::System, Trust::System) => true,
            (Trust::User(one, _), Trust::User(other, _)) => one == other,
            _ => false,
        }
    }
}

impl Eq for ClientTls {}

impl fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Trust::System => f.write_str("System"),
            Trust::User(Some(chain), _) => chain.fmt(f),
            Trust::User(None, _) => f.write_str("Unverified"),
        }
    }
}

/// What a failed handshake means to those who run the server, if the error itself does not say it.
#[must_use]
pub fn explain(error: &rustls::Error) -> &'static str {
    use rustls::Error::{InvalidCertificate, InvalidMessage as Message};
    match error {
        InvalidCertificate(CertificateError::UnknownIssuer) => {
            ": its certificate is not signed by anybody who is trusted here"
        }
        InvalidCertificate(
            CertificateError::BadSignature
            | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. },
        ) => ": its certificate is not signed by the authority of that name which is trusted here",
        InvalidCertificate(_) if is_authority(error) => {
            ": its certificate is an authority's own, which is only trusted if `ca` has it"
        }
        Message(InvalidMessage::InvalidContentType) => ": it does not speak TLS on this port",
        _ => "",
    }
}

/// Whether the server's certificate is that of an authority, as `openssl req -x509` makes them by default.
fn is_authority(error: &rustls::Error) -> bool {
    let rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(cause))) = error
    else {
        return false;
    };
    matches!(cause.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity))
}

fn verifier(roots: RootCertStore) -> Result<Arc<WebPkiServerVerifier>, NoClientTls> {
    let provider = Arc::new(default_provider());
    let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
    builder.build().map_err(|_| NoClientTls::NoRoots)
}

fn client_config(verifier: Arc<dyn ServerCertVerifier>) -> Result<Arc<ClientConfig>, NoClientTls> {
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(NoClientTls::BadRoot)?;
    let dangerous = builder.dangerous().with_custom_certificate_verifier(verifier);
    let mut config = dangerous.with_no_client_auth();
    config.alpn_protocols = vec![HTTP_1_1.to_vec()];
    Ok(Arc::new(config))
}

/// Verifies servers that the user vouches for. That a server has its certificate's key is always checked.
#[derive(Debug)]
pub(super) struct UserVerifier {
    /// `None` = every certificate is accepted.
    roots: Option<OwnRoots>,
    algorithms: WebPkiSupportedAlgorithms,
}

/// Certificates that the user gave. They are trusted even as the server's own.
#[derive(Debug)]
struct OwnRoots {
    inner: Arc<WebPkiServerVerifier>,
    certificates: Vec<CertificateDer<'static>>,
}

impl UserVerifier {
    fn new(roots: Option<OwnRoots>) -> Arc<UserVerifier> {
        let algorithms = default_provider().signature_verification_algorithms;
        Arc::new(UserVerifier { roots, algorithms })
    }

    /// Accepts every certificate.
    pub(super) fn of_nothing() -> Arc<UserVerifier> {
        UserVerifier::new(None)
    }
}

impl ServerCertVerifier for UserVerifier {
    fn verify_server_cert(
        &self,
        server: &CertificateDer<'_>,
        rest: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(OwnRoots { inner, certificates }) = &self.roots else {
            return Ok(ServerCertVerified::assertion());
        };
        match inner.verify_server_cert(server, rest, name, ocsp, now) {
            // The dates have been checked before this (`webpki::verify_cert`).
            Err(error) if is_authority(&error) && certificates.contains(server) => {
                verify_server_name(&ParsedCertificate::try_from(server)?, name)?;
                Ok(ServerCertVerified::assertion())
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, certificate, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
