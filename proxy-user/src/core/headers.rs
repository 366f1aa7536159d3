//! What a proxy does to headers on their way (RFC 9110 section 7.6, RFC 7239, RFC 6455 section 4).

use std::net::IpAddr;

use http::header::{self, Entry, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Version};

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
    headers
        .get_all(name)
        .into_iter()
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

/// Removes what must not travel on. `TE: trailers` is asked for anew, as trailers are passed on.
pub fn strip_hop_by_hop(headers: &mut HeaderMap) {
    // Most messages have none of them, and looking at each field once is cheaper than searching six.
    if !headers.keys().any(|name| HOP_BY_HOP.contains(name)) {
        return;
    }
    let trailers = has_token(headers, &header::TE, "trailers");
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

/// Puts back what [`strip_hop_by_hop`] took from a WebSocket handshake.
pub fn ask_websocket(headers: &mut HeaderMap) {
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
}

/// Who asked, and through what.
#[derive(Clone, Copy, Debug)]
pub struct Hop<'a> {
    /// The address that the connection came from.
    pub peer: IpAddr,
    /// The peer is one of `trusted_proxies`: what it says of those before it is kept.
    pub trusted: bool,
    /// `http` or `https`.
    pub scheme: &'static str,
    /// Host and port that the client asked for, if it did.
    pub host: Option<&'a str>,
}

/// Writes `X-Forwarded-For`, `-Proto`, `-Host` and `Forwarded`.
pub fn add_forwarded(headers: &mut HeaderMap, hop: Hop<'_>) {
    if !hop.trusted {
        let claims: Vec<HeaderName> =
            headers.keys().filter(|name| claims_the_way(name)).cloned().collect();
        for name in claims {
            headers.remove(name);
        }
    }
    let peer = hop.peer.to_string();
    let node: [&str; 3] = match hop.peer {
        IpAddr::V4(_) => ["", &peer, ""],
        IpAddr::V6(_) => ["\"[", &peer, "]\""],
    };
    let host = hop.host.map_or(["", "", ""], |host| ["host=\"", host, "\";"]);
    let forwarded = ["for=", &node.concat(), ";", &host.concat(), "proto=", hop.scheme].concat();
    append(headers, FORWARDED_FOR, peer);
    append(headers, header::FORWARDED, forwarded);
    for (name, value) in [(FORWARDED_HOST, hop.host), (FORWARDED_PROTO, Some(hop.scheme))] {
        if let (Entry::Vacant(entry), Some(Ok(value))) =
            (headers.entry(name), value.map(HeaderValue::from_str))
        {
            entry.insert(value);
        }
    }
}

/// A field that says where a request came from, under any of the names that apps believe; those
/// with underscores become the same variable in CGI and WSGI (RFC 3875 section 4.1.18).
fn claims_the_way(name: &HeaderName) -> bool {
    let name = name.as_str().as_bytes();
    let begins = |with: &str| {
        let same = |(&byte, &wanted): (&u8, &u8)| byte == wanted || (byte, wanted) == (b'_', b'-');
        name.len() >= with.len() && name.iter().zip(with.as_bytes()).all(same)
    };
    let is = |known: &str| name.len() == known.len() && begins(known);
    begins("x-forwarded-") || is("x-real-ip") || is("forwarded")
}

/// The body has no transfer coding but chunked, which is the only one that is understood here
/// (RFC 9112 section 6.1).
#[must_use]
pub fn only_chunked(headers: &HeaderMap) -> bool {
    tokens(headers, &header::TRANSFER_ENCODING).all(|coding| coding.eq_ignore_ascii_case("chunked"))
}

/// Appends a member to a list field.
fn append(headers: &mut HeaderMap, name: HeaderName, member: String) {
    let before: Vec<&str> = tokens(headers, &name).collect();
    let list = match before.is_empty() {
        true => member,
        false => format!("{}, {member}", before.join(", ")),
    };
    if let Ok(value) = HeaderValue::try_from(list) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
#[path = "headers_tests.rs"]
mod tests;
