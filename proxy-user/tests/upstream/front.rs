//! TLS in front of an app that speaks plain HTTP.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// What a client asked for in its handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    /// By SNI.
    pub(crate) name: Option<String>,
    /// By ALPN, as agreed.
    pub(crate) protocol: Option<Vec<u8>>,
}

/// Takes TLS off connections and passes them on.
#[derive(Debug)]
pub(crate) struct Front {
    pub(crate) address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    _runtime: tokio::runtime::Runtime,
}

/// The path of a certificate for tests.
pub(crate) fn pem(name: &str) -> String {
    format!("{}/tests/tls/{name}.pem", env!("CARGO_MANIFEST_DIR"))
}

impl Front {
    /// Before this app, with this certificate of `tests/tls`.
    pub(crate) fn of(app: SocketAddr, certificate: &str) -> Front {
        let acceptor = TlsAcceptor::from(Arc::new(config(certificate)));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::<Mutex<Vec<Asked>>>::default();
        let seen = Arc::clone(&asked);
        runtime.spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (acceptor, seen) = (acceptor.clone(), Arc::clone(&seen));
                tokio::spawn(async move {
                    let Ok(mut client) = acceptor.accept(client).await else { return };
                    let connection = client.get_ref().1;
                    seen.lock().unwrap().push(Asked {
                        name: connection.server_name().map(str::to_owned),
                        protocol: connection.alpn_protocol().map(<[u8]>::to_vec),
                    });
                    let mut app = TcpStream::connect(app).await.unwrap();
                    let _ = tokio::io::copy_bidirectional(&mut client, &mut app).await;
                });
            }
        });
        Front { address, asked, _runtime: runtime }
    }

    /// The handshakes so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

fn config(certificate: &str) -> ServerConfig {
    let chain = CertificateDer::pem_file_iter(pem(certificate)).unwrap();
    let chain = chain.collect::<Result<Vec<_>, _>>().unwrap();
    let key = format!("{}/tests/tls/{certificate}.key", env!("CARGO_MANIFEST_DIR"));
    let key = PrivateKeyDer::from_pem_file(key).unwrap();
    let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_no_client_auth().with_single_cert(chain, key).unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config
}
