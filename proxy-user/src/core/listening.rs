//! The addresses that a process listens on: which of them conflict, and when `[::]` does not include IPv4.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Converts an IPv4-mapped IPv6 address (`[::ffff:192.0.2.1]:80`, RFC 4291 section 2.5.5.2) to IPv4.
#[must_use]
pub fn canonical(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        ip @ IpAddr::V4(_) => SocketAddr::new(ip, address.port()),
        // Keeps its scope.
        IpAddr::V6(_) => address,
    }
}

/// An address at which clients on this machine reach a listener.
#[must_use]
pub fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

/// Whether the two cannot both be bound: same port, and the interfaces of one include those of the other.
/// `[::]` counts as IPv6 only, as [`ListenAddress::new`] ensures.
#[must_use]
pub fn overlap(one: SocketAddr, other: SocketAddr) -> bool {
    let (one, other) = (canonical(one), canonical(other));
    let any = one.ip().is_unspecified() || other.ip().is_unspecified();
    let same = one == other || (any && one.is_ipv4() == other.is_ipv4());
    one.port() != 0 && one.port() == other.port() && same
}

/// An address to listen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListenAddress {
    /// Canonical; the port may be 0.
    pub address: SocketAddr,
    /// `[::]` without IPv4 (`IPV6_V6ONLY`, RFC 3493 section 5.3).
    pub v6_only: bool,
}

impl ListenAddress {
    /// One of the addresses of a process; `all` lists them. `[::]` includes IPv4 unless another of them is an
    /// IPv4 address with the same port.
    #[must_use]
    pub fn new(address: SocketAddr, all: &[SocketAddr]) -> ListenAddress {
        let address = canonical(address);
        let any = address.ip() == Ipv6Addr::UNSPECIFIED && address.port() != 0;
        let mut others = all.iter().map(|other| canonical(*other));
        let v6_only = any && others.any(|one| one.is_ipv4() && one.port() == address.port());
        ListenAddress { address, v6_only }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_ipv4_address_in_ipv6_s_clothes_is_one() {
        assert_eq!(canonical(at("[::ffff:127.0.0.1]:80")), at("127.0.0.1:80"));
        assert_eq!(canonical(at("[::ffff:0.0.0.0]:80")), at("0.0.0.0:80"));
        for other in ["127.0.0.1:80", "[::]:80", "[::1]:80", "[fe80::1%3]:80"] {
            assert_eq!(canonical(at(other)), at(other));
        }
    }

    #[test]
    fn overlapping() {
        for (one, other) in [
            ("127.0.0.1:80", "127.0.0.1:80"),
            ("0.0.0.0:80", "127.0.0.1:80"),
            ("[::1]:80", "[::]:80"),
            ("[::ffff:127.0.0.1]:80", "127.0.0.1:80"),
            ("[::ffff:0.0.0.0]:80", "127.0.0.1:80"),
        ] {
            assert!(overlap(at(one), at(other)) && overlap(at(other), at(one)), "{one} {other}");
        }
        for (one, other) in [
            ("127.0.0.1:80", "127.0.0.1:81"),
            ("127.0.0.1:80", "127.0.0.2:80"),
            ("0.0.0.0:80", "[::]:80"),
            ("0.0.0.0:0", "0.0.0.0:0"),
            ("[fe80::1%3]:80", "[fe80::1%4]:80"),
        ] {
            assert!(!overlap(at(one), at(other)) && !overlap(at(other), at(one)), "{one} {other}");
        }
    }

    #[test]
    fn every_interface_leaves_ipv4_to_another_address_only() {
        let v6_only = |address, all: &[&str]| {
            let all: Vec<_> = all.iter().map(|one| at(one)).collect();
            ListenAddress::new(at(address), &all).v6_only
        };
        assert!(v6_only("[::]:80", &["0.0.0.0:80", "[::]:80"]));
        assert!(v6_only("[::]:80", &["[::]:80", "127.0.0.1:80"]));
        assert!(v6_only("[::]:80", &["[::]:80", "[::ffff:127.0.0.1]:80"]));
        assert!(!v6_only("[::]:80", &["[::]:80", "0.0.0.0:81"]));
        assert!(!v6_only("[::]:80", &["[::]:80", "[::1]:80"]));
        assert!(!v6_only("[::]:0", &["[::]:0", "0.0.0.0:0"]));
        assert!(!v6_only("[::1]:80", &["[::1]:80", "127.0.0.1:80"]));
    }
}
