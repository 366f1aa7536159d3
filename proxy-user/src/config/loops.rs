//! Upstreams that are Ebbtide's own addresses: each request would come back until descriptors run out, or
//! users could read the admin address.
//!
//! Only what the configuration itself shows is found here, so that a file means the same on every machine:
//! no name is resolved and no interface listed. Other loops are found when a request comes back
//! (`core::loops`).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::model::Config;
use super::value::upstream::Upstream;
use crate::core::listening::ListenAddress;

/// An app whose upstream is one of Ebbtide's own addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnUpstream<'a> {
    /// The app's index in `Config::apps`.
    pub(super) index: usize,
    upstream: &'a Upstream,
    /// `listen`, `redirect` or `admin`.
    key: &'static str,
    address: SocketAddr,
}

impl fmt::Display for OwnUpstream<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let OwnUpstream { upstream, key, address, .. } = self;
        let host = upstream.host();
        let named = host.parse::<IpAddr>().is_err() && !address.ip().is_unspecified();
        write!(f, "{upstream} leads to Ebbtide itself, whose `{key}` is {address}; ")?;
        match named {
            // The name may mean another address of this machine, on which the app listens.
            true => write!(f, "write the app's own address, an IP address in place of {host}"),
            false => f.write_str("write the app's own address"),
        }
    }
}

impl Config {
    /// The apps whose upstream is recognisably one of `listen`, `redirect` or `admin`. None in a parsed file; to be
    /// called again after one of these was overridden.
    pub fn own_upstreams(&self) -> impl Iterator<Item = OwnUpstream<'_>> {
        let listen = self.listen_addresses().into_iter().map(|address| ("listen", address));
        let redirect = self.redirect_addresses().into_iter().map(|address| ("redirect", address));
        let own: Vec<_> = listen.chain(redirect).chain([("admin", self.admin_address())]).collect();
        self.apps.iter().enumerate().filter_map(move |(index, app)| {
            let upstream = app.upstream.as_ref()?;
            let (key, own) = *own.iter().find(|(_, own)| leads_to(upstream, *own))?;
            Some(OwnUpstream { index, upstream, key, address: own.address })
        })
    }
}

fn leads_to(upstream: &Upstream, own: ListenAddress) -> bool {
    let ListenAddress { address, v6_only } = own;
    let reaches = |target: IpAddr| match address.ip() {
        // Which other addresses belong to this machine is not known here.
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => target.is_ipv4() && target.is_loopback(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => target.is_loopback() && (target.is_ipv6() || !v6_only),
        listens => listens == target,
    };
    upstream.port() == address.port() && targets(upstream.host()).into_iter().any(reaches)
}

/// The addresses that a host certainly means.
fn targets(host: &str) -> Vec<IpAddr> {
    const LOOPBACK: [IpAddr; 2] =
        [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
    if let Ok(address) = host.parse::<IpAddr>() {
        return vec![match address.to_canonical() {
            // Connecting to no address in particular reaches this machine (ip(7), ipv6(7)).
            IpAddr::V4(Ipv4Addr::UNSPECIFIED) => LOOPBACK[0],
            IpAddr::V6(Ipv6Addr::UNSPECIFIED) => LOOPBACK[1],
            address => address,
        }];
    }
    // RFC 6761 section 6.3.
    let name = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    match name == "localhost" || name.ends_with(".localhost") {
        true => LOOPBACK.to_vec(),
        false => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leads(upstream: &str, address: &str) -> bool {
        let all: Vec<_> = address.split(' ').map(|one| one.parse().unwrap()).collect();
        leads_to(&upstream.parse().unwrap(), ListenAddress::new(all[0], &all))
    }

    #[test]
    fn what_can_be_seen_to_lead_here() {
        for (upstream, address) in [
            ("http://127.0.0.1:8080", "127.0.0.1:8080"),
            ("http://127.0.0.1", "127.0.0.1:80"),
            ("http://127.0.0.1:8080", "0.0.0.0:8080"),
            ("http://127.9.9.9:8080", "0.0.0.0:8080"),
            ("http://0.0.0.0:8080", "0.0.0.0:8080"),
            ("http://0.0.0.0:8080", "127.0.0.1:8080"),
            ("http://localhost:8080", "127.0.0.1:8080"),
            ("http://LocalHost.:8080", "127.0.0.1:8080"),
            ("http://demo.localhost:8080", "[::1]:8080"),
            ("http://localhost:8080", "[::]:8080"),
            ("http://127.0.0.1:8080", "[::]:8080"),
            ("http://[::1]:8080", "[::]:8080"),
            ("http://[::]:8080", "[::1]:8080"),
            ("http://[::ffff:127.0.0.1]:8080", "127.0.0.1:8080"),
            ("http://127.0.0.1:8080", "[::ffff:127.0.0.1]:8080"),
            ("http://192.0.2.1:8080", "192.0.2.1:8080"),
            ("http://[::1]:8080", "[::]:8080 192.0.2.1:8080"),
        ] {
            assert!(leads(upstream, address), "{upstream} {address}");
        }
        for (upstream, address) in [
            ("http://127.0.0.1:8081", "127.0.0.1:8080"),
            ("http://127.0.0.2:8080", "127.0.0.1:8080"),
            ("http://[::1]:8080", "127.0.0.1:8080"),
            ("http://[::1]:8080", "0.0.0.0:8080"),
            ("http://192.0.2.1:8080", "0.0.0.0:8080"),
            ("http://192.0.2.1:8080", "[::]:8080"),
            ("http://app:8080", "0.0.0.0:8080"),
            ("http://notlocalhost:8080", "127.0.0.1:8080"),
            ("http://127.0.0.1:8080", "127.0.0.1:0"),
            ("http://127.0.0.1:8080", "[::]:8080 192.0.2.1:8080"),
        ] {
            assert!(!leads(upstream, address), "{upstream} {address}");
        }
    }
}
