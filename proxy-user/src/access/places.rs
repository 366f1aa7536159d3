//! A bounded number of places, of which no client can take all.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

use parking_lot::Mutex;

/// How many places there are.
const MOST: usize = 256;
/// How many of them are kept for clients whose network has been right before, so that strangers cannot keep out those
/// who work here, however many networks they come from.
const KEPT: usize = 64;
/// How many may be taken from one address, or one IPv6 network of 64 or 56 bits.
const MOST_OF_ONE: usize = 64;

/// The first bits of an address, and how many. `None`: it is unknown.
pub(super) type Network = Option<(IpAddr, u8)>;

/// The part of an address that stands for one client: for IPv6 a network, because a client may use any address of it.
pub(super) fn network(address: Option<IpAddr>, ipv6_bits: u8) -> Network {
    match address? {
        IpAddr::V4(address) => Some((address.into(), 32)),
        IpAddr::V6(address) => {
            let rest = 128_u32.saturating_sub(ipv6_bits.into());
            let mask = u128::MAX.checked_shl(rest).unwrap_or(0);
            Some((Ipv6Addr::from_bits(address.to_bits() & mask).into(), ipv6_bits))
        }
    }
}

/// The networks that may be one client's, with the places that they may take. Providers give their customers 64, 56 or
/// 48 bits (RFC 6177); 48 may also be several customers.
fn networks(address: Option<IpAddr>) -> impl Iterator<Item = (Network, usize)> {
    let sizes: &[_] = match address {
        Some(IpAddr::V6(_)) => &[(64, MOST_OF_ONE), (56, MOST_OF_ONE), (48, 2 * MOST_OF_ONE)],
        _ => &[(64, MOST_OF_ONE)],
    };
    sizes.iter().map(move |(bits, most)| (network(address, *bits), *most))
}

/// All places.
#[derive(Debug, Default)]
pub(super) struct Places(Mutex<Taken>);

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    of: HashMap<Network, usize>,
}

impl Places {
    /// Takes a place for a client. `is_proven`: its network has been right before. `None` = there is none.
    pub(super) fn take(&self, address: Option<IpAddr>, is_proven: bool) -> Option<Place<'_>> {
        let mut taken = self.0.lock();
        let most = if is_proven { MOST } else { MOST - KEPT };
        let is_full = |(network, most)| taken.of.get(&network).is_some_and(|taken| *taken >= most);
        if taken.all >= most || networks(address).any(is_full) {
            return None;
        }
        taken.all += 1;
        for (network, _) in networks(address) {
            *taken.of.entry(network).or_default() += 1;
        }
        Some(Place { places: self, address })
    }
}

/// A place that is taken. Gives itself back when it is dropped.
#[derive(Debug)]
pub(super) struct Place<'a> {
    places: &'a Places,
    address: Option<IpAddr>,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut taken = self.places.0.lock();
        taken.all -= 1;
        for (network, _) in networks(self.address) {
            if let Some(count) = taken.of.get_mut(&network) {
                *count -= 1;
                if *count == 0 {
                    taken.of.remove(&network);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill<'a>(places: &'a Places, address: &str, is_proven: bool) -> Vec<Place<'a>> {
        let address = Some(address.parse().unwrap());
        std::iter::from_fn(|| places.take(address, is_proven)).collect()
    }

    #[test]
    fn one_client_leaves_room_for_others() {
        let places = Places::default();
        let of_one = fill(&places, "2001:db8::1", false);
        assert_eq!(of_one.len(), 64);
        for other in ["2001:db8::2:1", "2001:db8:0:ff::1"] {
            assert!(fill(&places, other, true).is_empty(), "{other} is of the same 56 bits");
        }
        let next = fill(&places, "2001:db8:0:100::1", false);
        assert_eq!(next.len(), 64);
        assert!(fill(&places, "2001:db8:0:200::1", true).is_empty(), "48 bits have two shares");
        let other = fill(&places, "192.0.2.1", false);
        assert_eq!(other.len(), 64);
        assert!(fill(&places, "203.0.113.9", false).is_empty(), "the rest is kept");
        let kept = fill(&places, "203.0.113.9", true);
        assert_eq!(kept.len(), 64);
        assert!(fill(&places, "203.0.113.10", true).is_empty());
        drop((of_one, next, other, kept));
        let taken = places.0.lock();
        assert!(taken.all == 0 && taken.of.is_empty());
    }
}
