//! Where an app listens: `http://host[:port]`.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use http::Uri;
use http::uri::Authority;

use crate::toml_file::{ValueError, quote_url};

/// An app's own address, plain HTTP; displayed as `http://host:port`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    authority: Authority,
    port: u16,
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
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.authority)
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
        match scheme.to_ascii_lowercase().as_str() {
            "http" => {}
            "https" => return Err(wrong("is https, which is not built in this version", form)),
            "ws" => return Err(wrong("is ws", "write http://: upgrades go to the same address")),
            _ => return Err(wrong("is not http", form)),
        }
        if rest.contains('#') {
            return Err(wrong("has a fragment", form));
        }
        let uri: Uri = text.parse().map_err(|_| wrong("is not a URL", form))?;
        let authority = uri.authority().ok_or_else(|| wrong("has no host", form))?;
        if authority.as_str().contains('@') {
            return Err(wrong("carries a user name", "leave out what stands before the @"));
        }
        if uri.path() != "/" || uri.query().is_some() {
            return Err(wrong(
                "has a path or query",
                "end it after the port: requests keep the path that the browser asked for",
            ));
        }
        let host = authority.host();
        let bracketed = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        if host.is_empty() || bracketed.is_some_and(|inside| inside.parse::<Ipv6Addr>().is_err()) {
            return Err(wrong("has no valid host", form));
        }
        let port = match authority.as_str().strip_prefix(host).and_then(|end| end.strip_prefix(':'))
        {
            None => 80,
            Some(digits) => match digits.parse::<u16>() {
                Ok(port) if port != 0 => port,
                _ => return Err(wrong("has no valid port", "write a port from 1 to 65535")),
            },
        };
        let authority =
            format!("{host}:{port}").parse().map_err(|_| wrong("is not a URL", form))?;
        Ok(Self { authority, port })
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
        ] {
            let upstream: Upstream = text.parse().unwrap();
            assert_eq!((upstream.host(), upstream.port()), (host, port), "{text}");
            assert_eq!(upstream.to_string().parse(), Ok(upstream), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_an_upstream_is_refused_with_its_reason() {
        for (text, why) in [
            ("127.0.0.1:8501", "no scheme"),
            ("https://a", "not built"),
            ("ws://a", "is ws"),
            ("unix:///x", "Unix socket, which is not built"),
            ("unix:/run/app.sock", "Unix socket, which is not built"),
            ("ftp://x", "not http"),
            ("http://", "not a URL"),
            ("http://a b", "not a URL"),
            ("http://u:p@a", "user name"),
            ("http://a/x", "path"),
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
