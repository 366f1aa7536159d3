//! The URL with `https` of a request that came without TLS.

use std::fmt::Write as _;

use http::uri::Authority;

/// The port of `http`, and that of `https`: left out of URLs.
const HTTP: u16 = 80;
const HTTPS: u16 = 443;

/// The ports of this process.
#[derive(Clone, Copy, Debug)]
pub struct Ports {
    /// Where the request came in.
    pub plain: u16,
    /// Where TLS is served.
    pub tls: u16,
}

/// The URL for a request's host and target (`/path?query`, or `*`). Pure ASCII.
///
/// If the client asked for port 80 and came in at another one, something in front of this process translates
/// ports (a Kubernetes Service, a container's published port): it serves `https` at its own port then.
#[must_use]
pub fn https_url(host: &Authority, target: &str, ports: Ports) -> String {
    let translated = host.port_u16().is_none_or(|port| port == HTTP) && ports.plain != HTTP;
    let mut url = format!("https://{}", host.host());
    // Writing to a string cannot fail.
    if !translated && ports.tls != HTTPS {
        let _ = write!(url, ":{}", ports.tls);
    }
    if !target.starts_with('/') {
        url.push('/');
    }
    if target != "*" {
        for byte in target.bytes() {
            let _ = match byte {
                b'!'..=b'~' => write!(url, "{}", char::from(byte)),
                // RFC 3986 section 2.1.
                _ => write!(url, "%{byte:02X}"),
            };
        }
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn url(host: &str, target: &str, plain: u16, tls: u16) -> String {
        https_url(&host.parse().unwrap(), target, Ports { plain, tls })
    }

    #[test]
    fn the_port_is_named_where_a_browser_needs_it() {
        for (host, plain, tls, expected) in [
            ("demo.example.com", 80, 443, "https://demo.example.com/"),
            ("demo.example.com:80", 80, 443, "https://demo.example.com/"),
            ("demo.example.com", 80, 8443, "https://demo.example.com:8443/"),
            ("demo.example.com", 8080, 8443, "https://demo.example.com/"),
            ("localhost:8080", 8080, 8443, "https://localhost:8443/"),
            ("localhost:8080", 8080, 443, "https://localhost/"),
            ("localhost:9000", 8080, 8443, "https://localhost:8443/"),
            ("[::1]:8080", 8080, 8443, "https://[::1]:8443/"),
        ] {
            assert_eq!(url(host, "/", plain, tls), expected, "{host} {plain} {tls}");
        }
    }

    #[test]
    fn path_and_query_are_kept() {
        for (target, expected) in [
            ("/a/b?c=d&e=%2F", "https://h/a/b?c=d&e=%2F"),
            ("//evil.example/x", "https://h//evil.example/x"),
            ("*", "https://h/"),
            ("?q", "https://h/?q"),
            ("", "https://h/"),
            ("/\u{e9}", "https://h/%C3%A9"),
        ] {
            assert_eq!(url("h", target, 80, 443), expected, "{target}");
        }
    }

    proptest! {
        /// Whatever the target, the URL leads to the same host, and is one line.
        #[test]
        fn the_host_stays(target in ".*", plain: u16, tls: u16) {
            let url = url("h.example", &target, plain, tls);
            prop_assert!(url.bytes().all(|byte| byte.is_ascii_graphic()), "{}", url);
            let rest = url.strip_prefix("https://h.example").unwrap();
            prop_assert!(rest.starts_with('/') || rest.starts_with(&format!(":{tls}/")), "{}", url);
        }
    }
}
