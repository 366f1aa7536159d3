//! Who may use the admin address.
//!
//! A page on any site can make a browser on this machine send requests here. The same-origin policy keeps
//! the page from reading the answer, but not if the page's own name was made to resolve to a loopback
//! address (DNS rebinding). And it does not stop requests that change something (cross-site request
//! forgery). The token stops both, since a browser does not add it by itself. Without a token, checking
//! `Host` stops the first, and `Sec-Fetch-Site` and `Origin` stop the second.

use std::net::IpAddr;

use axum::extract::Request;
use axum::http::uri::Authority;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::{Token, TokenError};
use crate::config::Config;
use crate::core::route::HostPattern;

/// Whether the requesting page is of this origin: <https://www.w3.org/TR/fetch-metadata/>.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What every request must fulfil.
#[derive(Debug)]
pub struct Guard {
    /// The token that requests must send.
    token: Option<Token>,
    /// Without a token: the names, besides loopback ones, that `Host` may have.
    hosts: Vec<HostPattern>,
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A page of another site wants to change something.
    CrossSite,
    /// The token is missing or wrong.
    NoToken,
    /// `Host` is not one of our names.
    UnknownHost,
}

impl Guard {
    /// The guard for `config`; reads its token file.
    ///
    /// # Errors
    /// The file cannot be read or is empty.
    pub fn read(config: &Config) -> Result<Guard, TokenError> {
        let token = config.admin_token_file.as_deref().map(Token::read).transpose()?;
        Ok(Guard { token, hosts: config.admin_hosts.clone() })
    }

    /// Whether a request may go on.
    ///
    /// # Errors
    /// The reason to refuse it, which is an answer too.
    pub fn check(&self, request: &Request) -> Result<(), Refusal> {
        if !request.method().is_safe() && is_cross_site(request) {
            return Err(Refusal::CrossSite);
        }
        let path = request.uri().path();
        if matches!(path, "/healthz" | "/readyz") {
            return Ok(());
        }
        match &self.token {
            Some(token) => {
                let field = request.headers().get(header::AUTHORIZATION);
                let brought = field.is_some_and(|field| token.is_in(field));
                brought.then_some(()).ok_or(Refusal::NoToken)
            }
            // Scrapers use whatever name their configuration has.
            None if path == "/metrics" || self.knows_host(request) => Ok(()),
            None => Err(Refusal::UnknownHost),
        }
    }

    /// Whether the target and every `Host` field of a request are names of ours (RFC 9112 section 3.2).
    fn knows_host(&self, request: &Request) -> bool {
        let mut fields = request.headers().get_all(header::HOST).iter();
        let (Some(field), None) = (fields.next(), fields.next()) else { return false };
        let named = field.to_str().ok().and_then(|field| field.parse().ok());
        let target = request.uri().authority();
        named.is_some_and(|host| self.knows(&host)) && target.is_none_or(|host| self.knows(host))
    }

    fn knows(&self, authority: &Authority) -> bool {
        let host = authority.host();
        !authority.as_str().contains('@')
            && (is_loopback(host) || self.hosts.iter().any(|known| known.matches(host)))
    }
}

/// A loopback address, or a name that browsers never look up in DNS (RFC 6761 section 6.3). An admin
/// address without a token is a loopback address, so it is included itself.
fn is_loopback(host: &str) -> bool {
    let address = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    if let Ok(address) = address.parse::<IpAddr>() {
        return address.to_canonical().is_loopback();
    }
    let name = host.strip_suffix('.').unwrap_or(host);
    let last = name.rsplit('.').next().unwrap_or(name);
    last.eq_ignore_ascii_case("localhost") && !name.starts_with('.')
}

/// Whether a browser says that a request comes from another origin. Other clients send neither field.
fn is_cross_site(request: &Request) -> bool {
    let headers = request.headers();
    let mut sites = headers.get_all(SEC_FETCH_SITE).iter().peekable();
    if sites.peek().is_some() {
        // `none`: a person typed the address. `same-site`: another port of this host, such as the apps', or
        // a sibling domain.
        return sites.any(|site| site != "same-origin" && site != "none");
    }
    // Browsers send `Sec-Fetch-Site` only over HTTPS and to loopback addresses.
    let host = headers.get(header::HOST).map_or(&b""[..], |host| host.as_bytes());
    headers.get_all(header::ORIGIN).iter().any(|origin| {
        let origin = origin.as_bytes();
        let start = origin.windows(3).position(|window| window == b"://");
        !start.is_some_and(|start| origin[start + 3..].eq_ignore_ascii_case(host))
    })
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Refusal::CrossSite => {
                let text = "A page of another site requested this. If that page is Ebbtide's own, \
                            make the proxy in front pass on the Host field unchanged.\n";
                (StatusCode::FORBIDDEN, text).into_response()
            }
            Refusal::NoToken => {
                let text = "Send the token of admin_token_file as Authorization: Bearer.\n";
                let challenge = [(header::WWW_AUTHENTICATE, "Bearer")];
                (StatusCode::UNAUTHORIZED, challenge, text).into_response()
            }
            Refusal::UnknownHost => {
                let text = "Use localhost to reach this address. For another name, add it to \
                            admin_hosts, or set admin_token_file.\n";
                (StatusCode::FORBIDDEN, text).into_response()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, target: &str, fields: &[(&str, &str)]) -> Request {
        let mut request = Request::builder().method(method).uri(target);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        request.body(axum::body::Body::empty()).unwrap()
    }

    #[test]
    fn the_host_must_be_a_name_of_ours() {
        let guard = Guard { token: None, hosts: vec!["ebbtide.internal".parse().unwrap()] };
        let ask = |host: &str| guard.check(&request("GET", "/api/apps", &[("host", host)]));
        for known in [
            "localhost",
            "LocalHost.:1",
            "demo.localhost:9090",
            "127.0.0.1:9090",
            "127.9.8.7",
            "[::1]:9090",
            "[::ffff:127.0.0.1]",
            "Ebbtide.internal:443",
        ] {
            assert_eq!(ask(known), Ok(()), "{known}");
        }
        for unknown in [
            "",
            "evil.example:9090",
            "localhost.evil.example",
            "evil-localhost",
            ".localhost",
            "127.0.0.1.evil.example",
            "x.ebbtide.internal",
            "localhost@evil.example",
            "evil.example@localhost",
            "0.0.0.0:9090",
            "10.0.0.1",
            "[::]:9090",
        ] {
            assert_eq!(ask(unknown), Err(Refusal::UnknownHost), "{unknown}");
        }
        for fields in [&[][..], &[("host", "localhost"), ("host", "localhost")]] {
            let refused = guard.check(&request("GET", "/api/apps", fields));
            assert_eq!(refused, Err(Refusal::UnknownHost), "{fields:?}");
        }
        let target = "http://evil.example/api/apps";
        let refused = guard.check(&request("GET", target, &[("host", "localhost")]));
        assert_eq!(refused, Err(Refusal::UnknownHost));
    }

    #[test]
    fn a_browser_tells_who_asks() {
        let guard = Guard { token: None, hosts: Vec::new() };
        let host = ("host", "localhost:9090");
        let ask = |field| guard.check(&request("DELETE", "/api/sessions/1", &[host, field]));
        for own in [
            ("sec-fetch-site", "same-origin"),
            ("sec-fetch-site", "none"),
            ("origin", "http://localhost:9090"),
            ("origin", "https://LOCALHOST:9090"),
            ("accept", "*/*"),
        ] {
            assert_eq!(ask(own), Ok(()), "{own:?}");
        }
        for foreign in [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
            ("sec-fetch-site", ""),
            ("origin", "http://localhost:8080"),
            ("origin", "http://localhost"),
            ("origin", "http://evil.example:9090"),
            ("origin", "localhost:9090"),
            ("origin", "null"),
            ("origin", ""),
        ] {
            assert_eq!(ask(foreign), Err(Refusal::CrossSite), "{foreign:?}");
        }
    }
}
