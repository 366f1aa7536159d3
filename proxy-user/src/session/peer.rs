//! The other end of a socket, in fewer bytes than a `SocketAddr`: there may be tens of thousands.

use std::fmt::{self, Display, Formatter};
use std::net::{IpAddr, SocketAddr, SocketAddrV6};

/// The address of a socket's other end, without the flow label that one of IPv6 may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerAddress {
    ip: IpAddr,
    port: u16,
    /// The interface of a link-local address of IPv6; 0 = none.
    scope: u32,
}

impl From<SocketAddr> for PeerAddress {
    fn from(address: SocketAddr) -> PeerAddress {
        let scope = match address {
            SocketAddr::V4(_) => 0,
            SocketAddr::V6(address) => address.scope_id(),
        };
        PeerAddress { ip: address.ip(), port: address.port(), scope }
    }
}

impl Display for PeerAddress {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.ip {
            IpAddr::V4(_) => SocketAddr::new(self.ip, self.port).fmt(f),
            IpAddr::V6(ip) => SocketAddrV6::new(ip, self.port, 0, self.scope).fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_shown_as_a_socket_address() {
        for text in ["127.0.0.1:80", "[::1]:8080", "[fe80::1%3]:65535"] {
            let address: SocketAddr = text.parse().unwrap();
            assert_eq!(PeerAddress::from(address).to_string(), text);
        }
        assert!(size_of::<PeerAddress>() < size_of::<SocketAddr>());
    }
}
