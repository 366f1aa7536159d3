//! A client with TLS that believes every certificate and tells which one it saw.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, HandshakeKind, SignatureScheme,
    StreamOwned, SupportedProtocolVersion,
};

use crate::files::file;
use crate::harness::http::request;

/// Generous, as everywhere in these tests.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug)]
struct Credulous;

impl ServerCertVerifier for Credulous {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, &known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, &known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        default_provider().signature_verification_algorithms.supported_schemes()
    }
}

/// Keeps the tickets that it gets.
#[derive(Clone)]
pub(crate) struct Client(Arc<ClientConfig>);

impl Client {
    pub(crate) fn new(version: &'static SupportedProtocolVersion) -> Client {
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&[version])
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Credulous))
            .with_no_client_auth();
        Client(Arc::new(config))
    }

    /// A connection with its handshake done; `name`: the server to ask for, or an address to ask for none.
    pub(crate) fn connect(&self, address: SocketAddr, name: &str) -> Visit {
        let tcp = TcpStream::connect(address).unwrap();
        tcp.set_read_timeout(Some(PATIENCE)).unwrap();
        tcp.set_write_timeout(Some(PATIENCE)).unwrap();
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let tls = ClientConnection::new(Arc::clone(&self.0), name).unwrap();
        let mut stream = StreamOwned::new(tls, tcp);
        stream.conn.complete_io(&mut stream.sock).unwrap();
        Visit { stream, held: Vec::new() }
    }

    /// Which of the test's certificates a new connection gets.
    pub(crate) fn certificate(&self, address: SocketAddr, name: &str) -> &'static str {
        let mut visit = self.connect(address, name);
        assert_eq!(visit.get("Connection: close\r\n"), 200);
        visit.certificate()
    }
}

/// A connection; when dropped, it ends without a word.
pub(crate) struct Visit {
    stream: StreamOwned<ClientConnection, TcpStream>,
    /// Read and not yet taken.
    held: Vec<u8>,
}

impl Visit {
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).unwrap();
    }

    /// Reads until `taken` finds something at the start, and says how long that is.
    pub(crate) fn read<T>(&mut self, taken: impl Fn(&[u8]) -> Option<(T, usize)>) -> T {
        loop {
            if let Some((found, length)) = taken(&self.held) {
                self.held.drain(..length);
                return found;
            }
            let mut bytes = [0; 4096];
            let count = self.stream.read(&mut bytes).unwrap();
            assert!(count > 0, "ended after {}", String::from_utf8_lossy(&self.held));
            self.held.extend_from_slice(&bytes[..count]);
        }
    }

    /// The status of an answer, whose body is not read.
    pub(crate) fn status(&mut self) -> u16 {
        self.read(|held| {
            let end = held.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
            Some((str::from_utf8(&held[9..12]).unwrap().parse().unwrap(), end))
        })
    }

    /// The status of a GET. The apps of these tests answer with their name.
    pub(crate) fn get(&mut self, fields: &str) -> u16 {
        self.send(request("GET", "demo.test", "/", fields));
        let status = self.status();
        self.read(|held| held.starts_with(b"here").then_some(((), 4)));
        status
    }

    pub(crate) fn certificate(&self) -> &'static str {
        let seen = &self.stream.conn.peer_certificates().unwrap()[0];
        let is = |name: &&&str| {
            CertificateDer::from_pem_file(file(&format!("{name}.pem"))).unwrap() == *seen
        };
        ["one", "again", "apps", "rsa"].iter().find(is).expect("one of the test's certificates")
    }

    pub(crate) fn is_resumed(&self) -> bool {
        self.stream.conn.handshake_kind() == Some(HandshakeKind::Resumed)
    }
}
