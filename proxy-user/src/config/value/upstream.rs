//! Where an app listens: `http://host[:port][/path]` or `https://…`.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;
use std::sync::Arc;

use http::Uri;
use http::uri::Authority;
use rustls::pki_types::ServerName;

use super::web::prefix;
use crate::tls::ClientTls;
use crate::toml_file::{ValueError, quote_url};

/// An app's own address; displayed as `http://host:port/path`, or with `https`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    authority: Authority,
    port: u16,
    /// Without a slash at its end; empty = none.
    base: Arc<str>,
    /// For `https`.
    tls: Option<ClientTls>,
}

impl Upstream {
    /// Host and port as they stand in a URI: the port always, an IPv6 address in brackets.
    #[must_use]
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// The host to connect to: a name, or an address without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        let host = self.authority.host();
        host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host)
    }

    /// The port to connect to; never 0.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The path that is put before the path of each request, without a slash at its end; empty = none.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// How the app is verified; `None` = plain HTTP. Default: by the roots of the system.
    #[must_use]
    pub fn tls(&self) -> Option<&ClientTls> {
        self.tls.as_ref()
    }

    /// Verifies the app in another way. Only for `https`.
    #[must_use]
    pub fn with_tls(self, tls: ClientTls) -> Upstream {
        Upstream { tls: self.tls.map(|_| tls), ..self }
    }

    /// Whether the same server listens there, however it is verified and whatever path it is asked for.
    #[must_use]
    pub fn is_place_of(&self, other: &Upstream) -> bool {
        self.authority == other.authority && self.tls.is_some() == other.tls.is_some()
    }
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority, self.base)
    }
}

impl FromStr for Upstream {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let wrong =
            |why: &str, fix: &str| ValueError::new(format!("{} {why}", quote_url(text)), fix);
        let form = "write http://HOST:PORT, such as \"http://127.0.0.1:8501\"";
        if text.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("unix:")) {
            return Err(wrong("is a Unix socket, which is not built in this version", form));
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(wrong("has no scheme", form));
        };
        let is_https = match scheme.to_ascii_lowercase().as_str() {
            "http" => false,
            "https" => true,
            "ws" => return Err(wrong("is ws", "write http://: upgrades go to the same address")),
            "wss" => {
                return Err(wrong("is wss", "write https://: upgrades go to the same address"));
            }
            _ => return Err(wrong("is neither http nor https", form)),
        };
        if rest.contains('#') {
            return Err(wrong("has a fragment", form));
        }
        let uri: Uri = text.parse().map_err(|_| wrong("is not a URL", form))?;
        let authority = uri.authority().ok_or_else(|| wrong("has no host", form))?;
        if authority.as_str().contains('@') {
            return Err(wrong("carries a user name", "leave out what stands before the @"));
        }
        if uri.query().is_some() {
            return Err(wrong("has a query", "leave out what begins with the question mark"));
        }
        let base = prefix(uri.path())
            .map_err(|error| wrong("has a path that cannot be used", &error.to_string()))?;
        let host = authority.host();
        let bracketed = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        if host.is_empty() || bracketed.is_some_and(|inside| inside.parse::<Ipv6Addr>().is_err()) {
            return Err(wrong("has no valid host", form));
        }
        let name = bracketed.unwrap_or(host);
        if is_https && ServerName::try_from(name).is_err() {
            return Err(wrong("has a host that no certificate is for", form));
        }
        let port = match authority.as_str().strip_prefix(host).and_then(|end| end.strip_prefix(':'))
        {
            None if is_https => 443,
            None => 80,
            Some(digits) => match digits.parse::<u16>() {
                Ok(port) if port != 0 => port,
                _ => return Err(wrong("has no valid port", "write a port from 1 to 65535")),
            },
        };
        let authority =
            format!("{host}:{port}").parse().map_err(|_| wrong("is not a URL", form))?;
        Ok(Self {
            authority,
            port,
            base: base.trim_end_matches('/').into(),
            tls: is_https.then(ClientTls::system),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_and_port() {
        for (text, host, port) in [
            ("http://127.0.0.1:8501", "127.0.0.1", 8501),
            ("http://app", "app", 80),
            ("HTTP://my_app:1/", "my_app", 1),
            ("http://[::1]:8501", "::1", 8501),
            ("https://app", "app", 443),
            ("https://[::1]:8443", "::1", 8443),
        ] {
            let upstream: Upstream = text.parse().unwrap();
            assert_eq!((upstream.host(), upstream.port()), (host, port), "{text}");
            assert_eq!(upstream.to_string().parse(), Ok(upstream), "{text}");
        }
    }

    #[test]
    fn a_path_of_its_own() {
        for (text, base) in [
            ("http://app", ""),
            ("http://app/", ""),
            ("http://app/base", "/base"),
            ("https://app:1/base/deep/", "/base/deep"),
        ] {
            let upstream: Upstream = text.parse().unwrap();
            assert_eq!(upstream.base(), base, "{text}");
            assert_eq!(upstream.to_string().parse(), Ok(upstream), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_an_upstream_is_refused_with_its_reason() {
        for (text, why) in [
            ("127.0.0.1:8501", "no scheme"),
            ("ws://a", "is ws"),
            ("wss://a", "is wss"),
            ("https://a..b", "no certificate"),
            ("unix:///x", "Unix socket, which is not built"),
            ("unix:/run/app.sock", "Unix socket, which is not built"),
            ("ftp://x", "neither http"),
            ("http://", "not a URL"),
            ("http://a b", "not a URL"),
            ("http://u:p@a", "user name"),
            ("http://a/../x", "path"),
            ("http://a/x//y", "path"),
            ("http://a?x", "query"),
            ("http://a#x", "fragment"),
            ("http://[zz]:1", "host"),
            ("http://a:0", "port"),
            ("http://a:99999", "port"),
            ("http://a:", "port"),
            ("http://:80", "host"),
        ] {
            let error = text.parse::<Upstream>().unwrap_err();
            assert!(error.why.contains(why), "{text}: {error}");
        }
    }
}
