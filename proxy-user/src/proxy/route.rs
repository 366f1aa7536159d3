//! The first phase of a request: finds the app and sets the headers that the app will see.

use std::net::IpAddr;

use http::header::{EXPECT, HOST, TRAILER};
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Method, Request, Version};

use super::answer::Answer;
use super::service::{Client, Routed};
use crate::config::Config;
use crate::core::access::allow::client_address;
use crate::core::framing::{Coding, coding};
use crate::core::headers::{Hop, add_forwarded, add_prefix, strip_hop_by_hop};
use crate::core::route::Reading;
use crate::http::timed::Upload;
use crate::serving::Serving;
use crate::session::AppPolicy;

/// Longer than any host and port: a DNS name has at most 255 bytes (RFC 1035 section 2.3.4). Apps copy the
/// host into links, logs and caches with limits of their own.
const LONGEST_HOST: usize = 255 + ":65535".len();

/// Finds the app and prepares the headers for it.
pub(super) fn route(client: &Client, mut request: Request<Upload>) -> Result<Routed, Answer> {
    if request.method() == Method::CONNECT {
        return Err(Answer::NoTunnel);
    }
    let serving = &client.proxy.serving;
    let config = serving.config();
    if head_bytes(&request) > config.limits.header_bytes {
        return Err(Answer::HeadTooBig);
    }
    match coding(request.headers()) {
        Coding::Understood => {}
        Coding::Repeated => {
            return Err(Answer::BadFraming("The request's body is chunked more than once."));
        }
        Coding::Unknown => return Err(Answer::UnknownCoding),
    }
    let host = host(&request)?;
    let name = host.as_ref().map_or("", Authority::host);
    let path = match (request.uri().path(), request.method()) {
        // `*` means the host's server as a whole (RFC 9112 section 3.2.4).
        ("*", &Method::OPTIONS) => "/",
        ("*", _) => return Err(Answer::BadRequest("Only OPTIONS may ask for *.")),
        (path, _) => path,
    };
    let app = serving.find(name, path).ok_or(Answer::NoApp)?;
    let policy = app.policy();
    ask_for_one_meaning(serving, &policy, name, path)?;
    if serving.pseudonym.is_loop(request.headers()) {
        tracing::warn!(app = app.name, "a request came back: the app's upstream leads here");
        return Err(Answer::Loop);
    }
    let address = address(client, request.headers());
    let (peer, trusted) = (&client.peer, is_trusted(client, &config));
    let hop =
        Hop { peer, trusted, scheme: client.scheme, host: host.as_ref().map(Authority::as_str) };
    let version = request.version();
    let headers = request.headers_mut();
    strip_hop_by_hop(headers);
    // Trailers are not forwarded: see `Upload`.
    headers.remove(TRAILER);
    add_forwarded(headers, hop);
    if policy.config.strip_path && policy.config.path != "/" {
        add_prefix(headers, &policy.config.path);
    }
    if version == Version::HTTP_10 {
        // RFC 9110 section 10.1.1: to be ignored in HTTP/1.0.
        headers.remove(EXPECT);
    }
    serving.pseudonym.sign(headers);
    if let Some(host) = hop.host
        && headers.get(HOST).is_none_or(|field| field != host)
        && let Ok(value) = HeaderValue::from_str(host)
    {
        headers.insert(HOST, value);
    }
    Ok(Routed { app, policy, request, peer: client.addr, address })
}

/// The client's address, with the headers as they arrived; `None` = unknown.
pub(super) fn address(client: &Client, headers: &HeaderMap) -> Option<IpAddr> {
    let config = client.proxy.serving.config();
    match is_trusted(client, &config) {
        true => client_address(client.peer.ip(), headers, &config.trusted_proxies),
        false => Some(client.peer.ip()),
    }
}

/// Whether what the peer says about earlier hops is believed.
fn is_trusted(client: &Client, config: &Config) -> bool {
    config.trusted_proxies.iter().any(|net| net.contains(&client.peer.ip()))
}

/// Refuses a path by which somebody may get past `access`: whatever app a program may read in it must have the same
/// access, and an authentication service must be asked about what the app understands.
fn ask_for_one_meaning(
    serving: &Serving,
    policy: &AppPolicy,
    host: &str,
    path: &str,
) -> Result<(), Answer> {
    let Some(reading) = Reading::of(path) else { return Ok(()) };
    let access = &policy.config.access;
    let moves = policy.config.strip_path
        || policy.config.upstream.as_ref().is_some_and(|upstream| !upstream.base().is_empty());
    // Dots would lead out of the path that the app is given.
    if reading == Reading::Anywhere && (access.forward_auth.is_some() || moves) {
        return Err(Answer::BadRequest("The path has . or .. in it, or is escaped too often."));
    }
    match serving.all_read(host, &reading, |app| app.policy().config.access == *access) {
        true => Ok(()),
        false => Err(Answer::BadRequest("The path may mean that of another app.")),
    }
}

/// The size in bytes of the request's head when written again.
fn head_bytes(request: &Request<Upload>) -> usize {
    let target = request.uri().path_and_query().map_or(1, |target| target.as_str().len());
    let fields = request.headers().iter();
    let fields: usize =
        fields.map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len()).sum();
    request.method().as_str().len() + target + "  HTTP/1.1\r\n\r\n".len() + fields
}

/// The requested host (RFC 9112 section 3.2): from the request's target if it is there, otherwise from the
/// only Host field, which only HTTP/1.0 may leave out.
pub(super) fn host<B>(request: &Request<B>) -> Result<Option<Authority>, Answer> {
    let mut fields = request.headers().get_all(HOST).into_iter();
    let target = request.uri();
    // Only CONNECT has an authority as its whole target (RFC 9112 section 3.2.3).
    if target.scheme().is_none() && target.authority().is_some() {
        return Err(Answer::BadRequest("The request's target is neither a path nor a URL."));
    }
    let authority = match (target.authority(), fields.next(), fields.next()) {
        (Some(authority), _, None) => Some(authority.clone()),
        (None, Some(field), None) => field.to_str().ok().and_then(|field| field.parse().ok()),
        (None, None, None) if request.version() == Version::HTTP_10 => return Ok(None),
        _ => return Err(Answer::BadRequest("The request needs exactly one Host field.")),
    };
    let host = authority.filter(|authority| {
        let port = &authority.as_str()[authority.host().len()..];
        // User information is allowed in an authority, but not in Host (RFC 9110 section 7.2).
        !authority.as_str().contains('@')
            && authority.as_str().len() <= LONGEST_HOST
            && (port.len() < 2 || authority.port_u16().is_some())
    });
    host.map(Some).ok_or(Answer::BadRequest("The Host is not valid."))
}
