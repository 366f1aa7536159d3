//! Both ends of TLS for tests, with a certificate of the tests' own for `localhost`.

use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};

const CERTIFICATE: &[u8] = include_bytes!("../../tests/tls/localhost.pem");
const KEY: &[u8] = include_bytes!("../../tests/tls/localhost.key");

/// A client that trusts this server only.
pub(crate) fn configs() -> (Arc<ClientConfig>, Arc<ServerConfig>) {
    let certificate = CertificateDer::from_pem_slice(CERTIFICATE).unwrap();
    let key = PrivateKeyDer::from_pem_slice(KEY).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let ring = || Arc::new(rustls::crypto::ring::default_provider());
    let client = ClientConfig::builder_with_provider(ring()).with_safe_default_protocol_versions();
    let client = client.unwrap().with_root_certificates(roots).with_no_client_auth();
    let server = ServerConfig::builder_with_provider(ring()).with_safe_default_protocol_versions();
    let server = server.unwrap().with_no_client_auth().with_single_cert(vec![certificate], key);
    (Arc::new(client), Arc::new(server.unwrap()))
}
