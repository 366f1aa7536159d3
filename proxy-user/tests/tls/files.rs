//! The certificates beside this file, and `[tls]` with them.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use crate::harness::proxy::Proxy;
use crate::harness::wait::eventually;

pub(crate) fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tls").join(name)
}

/// `[tls]` with this certificate and further lines.
pub(crate) fn section(name: &str, lines: &str) -> String {
    let (cert, key) = (file(&format!("{name}.pem")), file(&format!("{name}.key")));
    format!("[tls]\ncert = {cert:?}\nkey = {key:?}\n{lines}")
}

/// The same, with addresses that send browsers to `https`.
pub(crate) fn redirecting(from: &[SocketAddr]) -> String {
    let from: Vec<_> = from.iter().map(ToString::to_string).collect();
    section("one", &format!("redirect = {from:?}"))
}

/// The last address that the proxy has begun to redirect from.
pub(crate) fn redirect_address(proxy: &Proxy) -> SocketAddr {
    eventually("an address that redirects", || {
        let told = proxy.log().fields("redirect to https listening");
        told.last()?["address"].as_str()?.parse().ok()
    })
}

pub(crate) fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

pub(crate) fn any() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}
