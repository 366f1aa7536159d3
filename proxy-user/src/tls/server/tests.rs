use std::path::{Path, PathBuf};

use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use rustls::{
    ClientConfig, ClientConnection, Error, HandshakeKind, ProtocolVersion, ServerConnection,
    SupportedProtocolVersion,
};

use super::*;
use crate::core::route::HostPattern;
use crate::tls::client::UserVerifier;
use crate::tls::{Chain, Key};

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tls").join(name)
}

fn certificate(name: &str, hosts: &[HostPattern]) -> Certificate {
    let chain = Chain::read(&file(&format!("{name}.pem"))).unwrap();
    let key = Key::read(&file(&format!("{name}.key"))).unwrap();
    Certificate::new(chain, key, hosts.to_vec()).unwrap()
}

fn server(certificates: &[Certificate]) -> ServerTls {
    let tls = ServerTls::new(&["http/1.1"]).unwrap();
    tls.set(certificates);
    tls
}

fn client(version: &'static SupportedProtocolVersion) -> ClientConfig {
    ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(UserVerifier::of_nothing())
        .with_no_client_auth()
}

/// What a handshake agreed on.
#[derive(Debug)]
struct Agreed {
    certificate: Vec<u8>,
    version: Option<ProtocolVersion>,
    protocol: Option<Vec<u8>>,
    kind: Option<HandshakeKind>,
}

/// A whole handshake in memory.
fn shake_hands(tls: &ServerTls, config: &Arc<ClientConfig>, name: &str) -> Result<Agreed, Error> {
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut client = ClientConnection::new(Arc::clone(config), name).unwrap();
    let mut server = ServerConnection::new(tls.config().unwrap()).unwrap();
    // The tickets of TLS 1.3 come after the handshake.
    while client.wants_write() || server.wants_write() {
        let mut wire = Vec::new();
        client.write_tls(&mut wire).unwrap();
        server.read_tls(&mut &wire[..]).unwrap();
        server.process_new_packets()?;
        wire.clear();
        server.write_tls(&mut wire).unwrap();
        client.read_tls(&mut &wire[..]).unwrap();
        client.process_new_packets()?;
    }
    Ok(Agreed {
        certificate: client.peer_certificates().unwrap()[0].to_vec(),
        version: client.protocol_version(),
        protocol: client.alpn_protocol().map(<[u8]>::to_vec),
        kind: server.handshake_kind(),
    })
}

fn presents(tls: &ServerTls, config: &Arc<ClientConfig>, name: &str, one: &Certificate) {
    let agreed = shake_hands(tls, config, name).unwrap();
    assert_eq!(agreed.certificate, one.pair.cert[0].to_vec(), "{name}");
}

#[test]
fn the_certificate_is_chosen_by_name() {
    let [one, apps, rsa] = ["one", "apps", "rsa"].map(|name| certificate(name, &[]));
    let tls = server(&[one.clone(), apps.clone(), rsa.clone()]);
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let client = Arc::new(client(version));
        presents(&tls, &client, "apps.example.com", &apps);
        presents(&tls, &client, "a.APPS.example.com", &apps);
        presents(&tls, &client, "rsa.example.com", &rsa);
        presents(&tls, &client, "www.one.example.com", &one);
        presents(&tls, &client, "a.b.apps.example.com", &one);
        // No name is sent for an address.
        presents(&tls, &client, "127.0.0.1", &one);
    }
}

#[test]
fn configured_hosts_replace_a_certificates_names_and_come_first() {
    let exact = |name: &str| HostPattern::Exact(name.to_owned());
    let one = certificate("one", &[]);
    let apps = certificate("apps", &[exact("www.one.example.com")]);
    let tls = server(&[one.clone(), apps.clone()]);
    let client = Arc::new(client(&rustls::version::TLS13));
    presents(&tls, &client, "www.one.example.com", &apps);
    presents(&tls, &client, "one.example.com", &one);
    presents(&tls, &client, "apps.example.com", &one);
}

#[test]
fn sessions_are_resumed_even_after_the_certificate_changed() {
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let tls = server(&[certificate("one", &[])]);
        let client = Arc::new(client(version));
        let kind = |tls: &ServerTls| shake_hands(tls, &client, "one.example.com").unwrap().kind;
        assert_eq!(kind(&tls), Some(HandshakeKind::Full));
        assert_eq!(kind(&tls), Some(HandshakeKind::Resumed));
        tls.set(&[certificate("again", &[])]);
        assert_eq!(kind(&tls), Some(HandshakeKind::Resumed));
        // Another process has other keys.
        let other = server(&[certificate("one", &[])]);
        assert_eq!(kind(&other), Some(HandshakeKind::Full));
    }
}

#[test]
fn a_new_certificate_is_for_new_handshakes() {
    let (one, again) = (certificate("one", &[]), certificate("again", &[]));
    let tls = server(&[]);
    assert!(tls.config().is_none());
    tls.set(std::slice::from_ref(&one));
    let mut client = client(&rustls::version::TLS13);
    client.resumption = Resumption::disabled();
    let client = Arc::new(client);
    presents(&tls, &client, "one.example.com", &one);
    tls.set(std::slice::from_ref(&again));
    presents(&tls, &client, "one.example.com", &again);
    tls.set(&[]);
    assert!(tls.config().is_none());
}

#[test]
fn protocols_are_offered_and_others_refused() {
    let tls = server(&[certificate("one", &[])]);
    let mut config = client(&rustls::version::TLS13);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let agreed = shake_hands(&tls, &Arc::new(config.clone()), "one.example.com").unwrap();
    assert_eq!(agreed.protocol.as_deref(), Some(&b"http/1.1"[..]));
    assert_eq!(agreed.version, Some(ProtocolVersion::TLSv1_3));
    config.alpn_protocols = vec![b"smtp".to_vec()];
    shake_hands(&tls, &Arc::new(config), "one.example.com").unwrap_err();
}
