//! What a proxy does to headers on their way (RFC 9110 section 7.6, RFC 7239, RFC 6455 section 4).

use std::net::IpAddr;

use http::header::{self, Entry, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode, Version};

/// Fields for one connection only (RFC 9110 section 7.6.1), besides those that `Connection` names.
const HOP_BY_HOP: [HeaderName; 6] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The comma-separated members of all fields called `name`.
pub(super) fn tokens<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> impl Iterator<Item = &'a str> {
    members(headers.get_all(name).into_iter())
}

fn members<'a>(values: impl Iterator<Item = &'a HeaderValue>) -> impl Iterator<Item = &'a str> {
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|token| !token.is_empty())
}

fn has_token(headers: &HeaderMap, name: &HeaderName, wanted: &str) -> bool {
    tokens(headers, name).any(|token| token.eq_ignore_ascii_case(wanted))
}

/// A request that asks to become a WebSocket (RFC 6455 section 4.1).
#[must_use]
pub fn asks_websocket(method: &Method, version: Version, headers: &HeaderMap) -> bool {
    method == Method::GET && version == Version::HTTP_11 && names_websocket(headers)
}

/// The headers of a request or a 101 name the upgrade to WebSocket.
#[must_use]
pub fn names_websocket(headers: &HeaderMap) -> bool {
    has_token(headers, &header::CONNECTION, "upgrade")
        && has_token(headers, &header::UPGRADE, "websocket")
}

/// Removes what must not travel on. A length beside chunks is void (RFC 9112 section 6.3), and would be
/// taken for the body's without them. `TE: trailers` is asked for anew, as an answer's trailers are
/// passed on.
pub fn strip_hop_by_hop(headers: &mut HeaderMap) {
    // Most messages have none of them, and looking at each field once is cheaper than searching six.
    if !headers.keys().any(|name| HOP_BY_HOP.contains(name)) {
        return;
    }
    let trailers = has_token(headers, &header::TE, "trailers");
    if headers.contains_key(header::TRANSFER_ENCODING) {
        headers.remove(header::CONTENT_LENGTH);
    }
    let named: Vec<HeaderName> = tokens(headers, &header::CONNECTION)
        .filter_map(|token| token.parse().ok())
        // A request without its Host is not the request any more.
        .filter(|name| name != header::HOST)
        .collect();
    for name in named.iter().chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
    if trailers {
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
        headers.insert(header::CONNECTION, HeaderValue::from_static("te"));
    }
}

/// The same of an answer, but for the protocols that a 426 asks for (RFC 9110 section 15.5.22).
pub fn strip_answer(status: StatusCode, headers: &mut HeaderMap) {
    let wanted = match status {
        StatusCode::UPGRADE_REQUIRED => headers.get(header::UPGRADE).cloned(),
        _ => None,
    };
    strip_hop_by_hop(headers);
    if let Some(wanted) = wanted {
        headers.insert(header::UPGRADE, wanted);
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    }
}

/// Puts back what [`strip_hop_by_hop`] took from a WebSocket handshake.
pub fn ask_websocket(headers: &mut HeaderMap) {
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
}

/// The address that a connection came from, written once for all its requests.
#[derive(Clone, Debug)]
pub struct Peer {
    ip: IpAddr,
    name: HeaderValue,
}

impl Peer {
    /// The peer at this address.
    #[must_use]
    pub fn new(ip: IpAddr) -> Peer {
        // No address fails; the word for none is RFC 7239's, section 6.2.
        let name = HeaderValue::try_from(ip.to_string());
        Peer { ip, name: name.unwrap_or(HeaderValue::from_static("unknown")) }
    }

    /// The address.
    #[must_use]
    pub fn ip(&self) -> IpAddr {
        self.ip
    }
}

/// Who asked, and through what.
#[derive(Clone, Copy, Debug)]
pub struct Hop<'a> {
    /// Who the connection came from.
    pub peer: &'a Peer,
    /// The peer is one of `trusted_proxies`: what it says of those before it is kept.
    pub trusted: bool,
    /// `http` or `https`.
    pub scheme: &'static str,
    /// Host and port that the client asked for, if it did.
    pub host: Option<&'a str>,
}

/// Writes `X-Forwarded-For`, `-Proto`, `-Host` and `Forwarded`.
pub fn add_forwarded(headers: &mut HeaderMap, hop: Hop<'_>) {
    let claims = |name: &&HeaderName| is_look_alike(name) || !hop.trusted && claims_the_way(name);
    if headers.keys().any(|name| claims(&name)) {
        let claims: Vec<HeaderName> = headers.keys().filter(claims).cloned().collect();
        for name in claims {
            headers.remove(name);
        }
    }
    let peer = &hop.peer.name;
    let (open, close): (&[u8], &[u8]) = match hop.peer.ip {
        IpAddr::V4(_) => (b"for=", b";"),
        IpAddr::V6(_) => (b"for=\"[", b"]\";"),
    };
    let [before, host, after] =
        hop.host.map_or([""; 3], |host| ["host=\"", host, "\";"]).map(str::as_bytes);
    let scheme = hop.scheme.as_bytes();
    let forwarded = [open, peer.as_bytes(), close, before, host, after, b"proto=", scheme].concat();
    append(headers, FORWARDED_FOR, peer.clone());
    if let Ok(forwarded) = HeaderValue::try_from(forwarded) {
        append(headers, header::FORWARDED, forwarded);
    }
    for (name, value) in [(FORWARDED_HOST, hop.host), (FORWARDED_PROTO, Some(hop.scheme))] {
        if let (Entry::Vacant(entry), Some(Ok(value))) =
            (headers.entry(name), value.map(HeaderValue::from_str))
        {
            entry.insert(value);
        }
    }
}

/// A field that says where a request came from, under any of the names that apps believe.
fn claims_the_way(name: &HeaderName) -> bool {
    begins(name, "x-forwarded-") || is(name, "x-real-ip") || is(name, "forwarded")
}

/// A field with an underscore where one that the proxy sets or vouches for has a hyphen: both are the
/// same variable in CGI and WSGI (RFC 3875 section 4.1.18), so that the app would believe this one. No
/// proxy writes such names, and so nobody is trusted with them.
fn is_look_alike(name: &HeaderName) -> bool {
    let known = || {
        let others = ["cdn-loop", "content-length", "transfer-encoding"];
        claims_the_way(name)
            || begins(name, "x-ebbtide-")
            || others.iter().any(|other| is(name, other))
    };
    name.as_str().contains('_') && known()
}

fn is(name: &HeaderName, known: &str) -> bool {
    name.as_str().len() == known.len() && begins(name, known)
}

/// Underscores count as hyphens.
fn begins(name: &HeaderName, with: &str) -> bool {
    let name = name.as_str().as_bytes();
    let same = |(&byte, &wanted): (&u8, &u8)| byte == wanted || (byte, wanted) == (b'_', b'-');
    name.len() >= with.len() && name.iter().zip(with.as_bytes()).all(same)
}

/// Appends a member to a list field.
pub(super) fn append(headers: &mut HeaderMap, name: HeaderName, member: HeaderValue) {
    let mut fields = match headers.entry(name) {
        Entry::Vacant(place) => {
            place.insert(member);
            return;
        }
        Entry::Occupied(fields) => fields,
    };
    let list: Vec<&str> = members(fields.iter()).chain(member.to_str()).collect();
    if let Ok(list) = HeaderValue::try_from(list.join(", ")) {
        fields.insert(list);
    }
}

#[cfg(test)]
#[path = "headers_tests.rs"]
mod tests;
