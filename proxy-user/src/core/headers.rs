//! How a proxy rewrites headers (RFC 9110 section 7.6, RFC 7239, RFC 6455 section 4).

use std::net::IpAddr;

use http::header::{self, Entry, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode, Version};

/// Fields that apply to one connection only (RFC 9110 section 7.6.1), in addition to those named in
/// `Connection`.
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
const FORWARDED_PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");
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

/// Whether a request asks to become a WebSocket (RFC 6455 section 4.1).
#[must_use]
pub fn asks_websocket(method: &Method, version: Version, headers: &HeaderMap) -> bool {
    method == Method::GET && version == Version::HTTP_11 && names_websocket(headers)
}

/// Whether the headers of a request or a 101 name the upgrade to WebSocket.
#[must_use]
pub fn names_websocket(headers: &HeaderMap) -> bool {
    has_token(headers, &header::CONNECTION, "upgrade")
        && has_token(headers, &header::UPGRADE, "websocket")
}

/// Removes hop-by-hop fields. With `Transfer-Encoding` a `Content-Length` is void (RFC 9112 section 6.3), and
/// must go too, or it would be taken for the body's length. `TE: trailers` is set again, because trailers in
/// answers are passed on.
pub fn strip_hop_by_hop(headers: &mut HeaderMap) {
    // Most messages have none of them, and one look at each field is cheaper than six searches.
    if !headers.keys().any(|name| HOP_BY_HOP.contains(name)) {
        return;
    }
    let trailers = has_token(headers, &header::TE, "trailers");
    if headers.contains_key(header::TRANSFER_ENCODING) {
        headers.remove(header::CONTENT_LENGTH);
    }
    let named: Vec<HeaderName> = tokens(headers, &header::CONNECTION)
        .filter_map(|token| token.parse().ok())
        // Without its Host the request would be a different one.
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

/// The same for an answer, but keeps the protocols that a 426 offers (RFC 9110 section 15.5.22).
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

/// Restores what [`strip_hop_by_hop`] removed from a WebSocket handshake.
pub fn ask_websocket(headers: &mut HeaderMap) {
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
}

/// The address at the other end of a connection, formatted once for all its requests.
#[derive(Clone, Debug)]
pub struct Peer {
    ip: IpAddr,
    name: HeaderValue,
}

impl Peer {
    /// The peer at this address.
    #[must_use]
    pub fn new(ip: IpAddr) -> Peer {
        // This cannot fail for an address. The fallback is RFC 7239's word for an unknown one (section 6.2).
        let name = HeaderValue::try_from(ip.to_string());
        Peer { ip, name: name.unwrap_or(HeaderValue::from_static("unknown")) }
    }

    /// The address.
    #[must_use]
    pub fn ip(&self) -> IpAddr {
        self.ip
    }
}

/// Who sent the request, and how.
#[derive(Clone, Copy, Debug)]
pub struct Hop<'a> {
    /// The peer of the connection.
    pub peer: &'a Peer,
    /// The peer is one of `trusted_proxies`: what it says about earlier hops is kept.
    pub trusted: bool,
    /// `http` or `https`.
    pub scheme: &'static str,
    /// Host and port as requested by the client, if given.
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

/// Tells the app which prefix was taken off its path, behind what a trusted proxy has taken off before.
pub fn add_prefix(headers: &mut HeaderMap, prefix: &str) {
    let mut fields = headers.get_all(FORWARDED_PREFIX).iter();
    let before = match (fields.next().map(HeaderValue::to_str), fields.next()) {
        (Some(Ok(before)), None) if before.starts_with('/') && !before.contains(',') => before,
        _ => "",
    };
    if let Ok(prefix) = HeaderValue::try_from(format!("{}{prefix}", before.trim_end_matches('/'))) {
        headers.insert(FORWARDED_PREFIX, prefix);
    }
}

/// A field that is set, or with `None` removed.
pub type HeaderChange = (HeaderName, Option<HeaderValue>);

/// Sets and removes fields, in every spelling that some apps cannot tell from the given one.
pub fn change(headers: &mut HeaderMap, changes: &[HeaderChange]) {
    for (name, value) in changes {
        let other = |other: &&HeaderName| *other != name && alike(other.as_str(), name.as_str());
        let others: Vec<HeaderName> = headers.keys().filter(other).cloned().collect();
        others.iter().for_each(|other| drop(headers.remove(other)));
        match value {
            Some(value) => drop(headers.insert(name, value.clone())),
            None => drop(headers.remove(name)),
        }
    }
}

/// Whether the field says where a request came from, under any name that apps believe.
fn claims_the_way(name: &HeaderName) -> bool {
    begins(name, "x-forwarded-") || is(name, "x-real-ip") || is(name, "forwarded")
}

/// Whether the field is spelled with another character where one that the proxy sets or vouches for has a hyphen, so
/// that apps may believe it: see [`alike`]. No proxy writes such names, so they are never trusted.
fn is_look_alike(name: &HeaderName) -> bool {
    let known = || {
        let others = ["cdn-loop", "content-length", "transfer-encoding"];
        claims_the_way(name)
            || begins(name, "x-ebbtide-")
            || others.iter().any(|other| is(name, other))
    };
    let is_other = |byte: u8| byte != b'-' && !byte.is_ascii_alphanumeric();
    name.as_str().bytes().any(is_other) && known()
}

fn is(name: &HeaderName, known: &str) -> bool {
    alike(name.as_str(), known)
}

/// Like `starts_with`, for names that are [`alike`].
fn begins(name: &HeaderName, with: &str) -> bool {
    let name = name.as_str().as_bytes().iter().copied().map(folded);
    name.take(with.len()).eq(with.bytes().map(folded))
}

/// Whether some apps cannot tell two field names apart: servers that pass fields as variables ignore case and
/// make an underscore of whatever is no letter or digit (RFC 3875 section 4.1.18).
#[must_use]
pub fn alike(one: &str, other: &str) -> bool {
    one.len() == other.len() && one.bytes().map(folded).eq(other.bytes().map(folded))
}

fn folded(byte: u8) -> u8 {
    if byte.is_ascii_alphanumeric() { byte.to_ascii_lowercase() } else { b'_' }
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
