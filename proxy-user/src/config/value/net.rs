//! Addresses to listen on, and networks to trust.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use ipnet::IpNet;

use crate::toml_file::{Fixed, Kind, ValueError, quote};

pub(in super::super) const LISTEN: Fixed<SocketAddr> =
    Kind { wants: "an address and port", example: "\"127.0.0.1:8080\"", parse: listen };

pub(in super::super) const NETWORK: Fixed<IpNet> =
    Kind { wants: "a network", example: "\"10.0.0.0/8\"", parse: network };

/// An address and port. `localhost` is 127.0.0.1; no other name is resolved, because the result may change
/// between the check and the start.
fn listen(text: &str) -> Result<SocketAddr, ValueError> {
    let local = text.strip_prefix("localhost:").and_then(|port| port.parse().ok());
    if let Some(port) = local {
        return Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    }
    text.parse().map_err(|_| {
        let fix = match text.strip_prefix(':').map(str::parse::<u16>) {
            Some(Ok(port)) => format!("write \"0.0.0.0:{port}\" for every interface"),
            _ => "write an IP address and a port, such as \"127.0.0.1:8080\" or \"[::1]:8080\""
                .to_owned(),
        };
        ValueError::new(format!("{} is not an address to listen on", quote(text)), fix)
    })
}

/// A network in CIDR form; a bare address is a network of one.
fn network(text: &str) -> Result<IpNet, ValueError> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(IpNet::from(address));
    }
    let Ok(network) = text.parse::<IpNet>() else {
        return Err(ValueError::new(
            format!("{} is not a network", quote(text)),
            "write CIDR, such as \"10.0.0.0/8\" or \"fd00::/8\", or one address",
        ));
    };
    // An address with host bits set may mean either; guessing could trust strangers.
    if network != network.trunc() {
        return Err(ValueError::new(
            format!("{} names an address inside a network", quote(text)),
            format!("write \"{}\" or \"{}\"", network.trunc(), network.addr()),
        ));
    }
    Ok(network)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (text, address) in [
            ("0.0.0.0:8080", "0.0.0.0:8080"),
            ("127.0.0.1:0", "127.0.0.1:0"),
            ("[::1]:80", "[::1]:80"),
            ("localhost:80", "127.0.0.1:80"),
        ] {
            assert_eq!(listen(text), Ok(address.parse().unwrap()), "{text}");
        }
        for text in ["", "8080", ":8080", "127.0.0.1", "::1:80", "example.com:80", "localhost:x"] {
            assert!(listen(text).is_err(), "{text}");
        }
    }

    #[test]
    fn networks() {
        for (text, read) in [
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("192.168.1.1", "192.168.1.1/32"),
            ("::1", "::1/128"),
            ("0.0.0.0/0", "0.0.0.0/0"),
        ] {
            assert_eq!(network(text).unwrap().to_string(), read, "{text}");
        }
        for text in ["", "10.0.0.0/33", "10/8", "10.1.2.3/8", "host"] {
            assert!(network(text).is_err(), "{text}");
        }
    }
}
