//! Client addresses: who sent a request, and whether it may.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use ipnet::IpNet;

/// Whether one of the networks contains the address. An IPv4 address and its IPv4-mapped IPv6 form
/// (RFC 4291 section 2.5.5.2) are the same, in the networks too.
#[must_use]
pub fn contains(networks: &[IpNet], address: IpAddr) -> bool {
    let address = address.to_canonical();
    let mapped = match address {
        IpAddr::V4(address) => Some(IpAddr::V6(address.to_ipv6_mapped())),
        IpAddr::V6(_) => None,
    };
    networks.iter().any(|network| {
        // `::/0` is the IPv6 internet; only a network of mapped addresses is meant for IPv4.
        let is_mapped = network.prefix_len() >= 96;
        network.contains(&address) || mapped.is_some_and(|it| is_mapped && network.contains(&it))
    })
}

/// The client that a request comes from: the nearest address that is not one of `trusted`, from the peer back
/// through `X-Forwarded-For`. If all of them are trusted, the farthest one. `None` if a trusted proxy
/// names something that is not an address: the client is then unknown.
///
/// `headers`: as they arrived, before this proxy has added itself.
#[must_use]
pub fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> Option<IpAddr> {
    let mut client = peer.to_canonical();
    // Each proxy appends the peer that it saw, so that the last member is the one to begin with.
    let fields: Vec<_> = headers.get_all("x-forwarded-for").into_iter().collect();
    let members =
        fields.iter().rev().flat_map(|field| field.as_bytes().rsplit(|byte| *byte == b','));
    for member in members.map(<[u8]>::trim_ascii) {
        if !contains(trusted, client) {
            break;
        }
        // RFC 9110 section 5.6.1: empty members of a list do not count.
        if !member.is_empty() {
            client = address(member)?;
        }
    }
    Some(client)
}

/// The members of `X-Forwarded-For` from `client` on, which [`client_address`] has found. What stands before it is
/// only what the client claims. `headers`: with the peer, which this proxy has added.
#[must_use]
pub fn forwarded_from(client: IpAddr, headers: &HeaderMap) -> String {
    let fields: Vec<_> = headers.get_all("x-forwarded-for").into_iter().collect();
    let members =
        fields.iter().rev().flat_map(|field| field.as_bytes().rsplit(|byte| *byte == b','));
    let proxies = members
        .filter_map(|member| address(member.trim_ascii()))
        .take_while(|address| *address != client);
    let mut way: Vec<String> = proxies.chain([client]).map(|address| address.to_string()).collect();
    way.reverse();
    way.join(", ")
}

/// An address as proxies write it: some add a port, and brackets around an IPv6 address.
fn address(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?;
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let address =
        bare.parse().or_else(|_| text.parse().map(|with_port: SocketAddr| with_port.ip()));
    address.ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn networks(texts: &[&str]) -> Vec<IpNet> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn client(peer: &str, fields: &[&str], trusted: &[&str]) -> Option<String> {
        let headers = fields
            .iter()
            .map(|field| {
                (
                    "x-forwarded-for".parse().unwrap(),
                    HeaderValue::from_bytes(field.as_bytes()).unwrap(),
                )
            })
            .collect();
        let address = client_address(peer.parse().unwrap(), &headers, &networks(trusted));
        address.map(|address| address.to_string())
    }

    #[test]
    fn both_families_and_the_mapped_form() {
        for (network, address, is_inside) in [
            ("10.0.0.0/8", "10.1.2.3", true),
            ("10.0.0.0/8", "::ffff:10.1.2.3", true),
            ("::ffff:10.0.0.0/104", "10.1.2.3", true),
            ("::ffff:10.0.0.0/104", "11.1.2.3", false),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("fd00::/8", "fd12::1", true),
            ("fd00::/8", "fe80::1", false),
            ("::/0", "10.1.2.3", false),
            ("::/0", "2001:db8::1", true),
            ("0.0.0.0/0", "10.1.2.3", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("192.0.2.1/32", "192.0.2.1", true),
        ] {
            let found = contains(&networks(&[network]), address.parse().unwrap());
            assert_eq!(found, is_inside, "{network} {address}");
        }
        assert!(!contains(&[], "10.0.0.1".parse().unwrap()));
    }

    #[test]
    fn the_nearest_stranger_is_the_client() {
        let trusted = &["10.0.0.0/8", "fd00::/8"][..];
        for (peer, fields, client_is) in [
            ("192.0.2.1", &["203.0.113.9"][..], Some("192.0.2.1")),
            ("10.0.0.1", &[], Some("10.0.0.1")),
            ("10.0.0.1", &["203.0.113.9"], Some("203.0.113.9")),
            ("::ffff:10.0.0.1", &["203.0.113.9"], Some("203.0.113.9")),
            // What a client claims stands to the left.
            ("10.0.0.1", &["10.9.9.9, 203.0.113.9"], Some("203.0.113.9")),
            ("10.0.0.1", &["10.9.9.9", "203.0.113.9, 10.0.0.2"], Some("203.0.113.9")),
            ("10.0.0.1", &["10.9.9.9, 10.0.0.2"], Some("10.9.9.9")),
            ("10.0.0.1", &["203.0.113.9:4711"], Some("203.0.113.9")),
            ("10.0.0.1", &["[2001:db8::1]:4711"], Some("2001:db8::1")),
            ("10.0.0.1", &["[2001:db8::1]"], Some("2001:db8::1")),
            ("10.0.0.1", &["2001:db8::1,, ,"], Some("2001:db8::1")),
            ("10.0.0.1", &["::ffff:203.0.113.9"], Some("203.0.113.9")),
            ("fd00::1", &["203.0.113.9"], Some("203.0.113.9")),
            // Garbage that a client claimed does no harm; what a trusted proxy says must be an address.
            ("10.0.0.1", &["\u{e9}, 203.0.113.9"], Some("203.0.113.9")),
            ("10.0.0.1", &["203.0.113.9, unknown"], None),
            ("10.0.0.1", &["203.0.113.9, \u{e9}"], None),
            ("10.0.0.1", &["203.0.113.9, 10.0.0.2, _hidden"], None),
        ] {
            assert_eq!(client(peer, fields, trusted).as_deref(), client_is, "{peer} {fields:?}");
        }
    }

    #[test]
    fn the_way_begins_with_the_client() {
        let way = |client: &str, fields: &[&'static str]| {
            let name = http::header::HeaderName::from_static("x-forwarded-for");
            let fields = fields.iter().map(|it| (name.clone(), HeaderValue::from_static(it)));
            forwarded_from(client.parse().unwrap(), &fields.collect())
        };
        assert_eq!(way("192.0.2.1", &["192.0.2.1"]), "192.0.2.1");
        assert_eq!(way("192.0.2.1", &["6.6.6.6, 192.0.2.1:4711, 10.0.0.1"]), "192.0.2.1, 10.0.0.1");
        let fields = ["192.0.2.1, 6.6.6.6", "[2001:db8::1]:1,,", "10.0.0.2", "10.0.0.1"];
        assert_eq!(way("2001:db8::1", &fields), "2001:db8::1, 10.0.0.2, 10.0.0.1");
        assert_eq!(way("192.0.2.1", &["10.0.0.1"]), "192.0.2.1, 10.0.0.1");
        assert_eq!(way("192.0.2.1", &[]), "192.0.2.1");
    }

    proptest! {
        /// Whatever a client writes before its proxy's own entry, it is the address that the proxy saw.
        #[test]
        fn claims_change_nothing(claims in "[ -~]{0,40}", seen in any::<[u8; 4]>()) {
            let seen = IpAddr::from(seen);
            let trusted = networks(&["10.0.0.0/8"]);
            prop_assume!(!contains(&trusted, seen));
            let mut headers = HeaderMap::new();
            headers.insert("x-forwarded-for", HeaderValue::try_from(format!("{claims}, {seen}")).unwrap());
            let found = client_address(IpAddr::from([10, 0, 0, 1]), &headers, &trusted);
            prop_assert_eq!(found, Some(seen));
        }
    }
}
