//! Requests that come back to a proxy that they have passed: each proxy writes its name into `CDN-Loop`
//! (RFC 8586), which others must not change or remove.
//!
//! `Via` (RFC 9110 section 7.6.3) would tell as much, but servers do less for requests that carry it: by
//! default nginx, as an app, does not compress their answers (`gzip_proxied`).

use http::header::{HeaderMap, HeaderName, HeaderValue};

use super::headers::{append, tokens};

const CDN_LOOP: HeaderName = HeaderName::from_static("cdn-loop");

/// What the names of all Ebbtides start with.
const PREFIX: &str = "ebbtide-";

/// As many Ebbtides in a row are nobody's intention: one of them stands for a group of several, and so the
/// request need not come back to a name that it has passed.
const MOST: usize = 16;

/// The name of this process among all.
#[derive(Clone, Debug)]
pub struct Pseudonym(HeaderValue);

impl Pseudonym {
    /// The name for a number that no other process has.
    #[must_use]
    pub fn new(number: u64) -> Pseudonym {
        let name = HeaderValue::try_from(format!("{PREFIX}{number:016x}"));
        // Letters, digits and a hyphen are no reason to fail.
        Pseudonym(name.unwrap_or(HeaderValue::from_static(PREFIX)))
    }

    /// A request with these headers has been here before, or goes in a circle of others.
    #[must_use]
    pub fn is_loop(&self, headers: &HeaderMap) -> bool {
        let mut ebbtides = 0;
        tokens(headers, &CDN_LOOP).any(|member| {
            // Parameters may follow the name.
            let name = member.split(';').next().unwrap_or_default().trim();
            ebbtides += usize::from(name.starts_with(PREFIX));
            name.as_bytes() == self.0.as_bytes() || ebbtides >= MOST
        })
    }

    /// Notes in a request's headers that it has been here.
    pub fn sign(&self, headers: &mut HeaderMap) {
        append(headers, CDN_LOOP, self.0.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (CDN_LOOP, HeaderValue::try_from(*value).unwrap())).collect()
    }

    #[test]
    fn who_has_signed_knows_it_again() {
        let (me, other) = (Pseudonym::new(7), Pseudonym::new(8));
        let mut headers = passed(&["cloudflare; x=y", "ebbtide-9;v=1"]);
        assert!(!me.is_loop(&headers));
        me.sign(&mut headers);
        assert_eq!(headers.len(), 1);
        assert!(me.is_loop(&headers) && !other.is_loop(&headers));
        other.sign(&mut headers);
        assert!(me.is_loop(&headers) && other.is_loop(&headers));
        assert!(me.is_loop(&passed(&["a, ebbtide-0000000000000007 ; x=1, b"])));
        assert!(!me.is_loop(&passed(&["ebbtide-00000000000000071, xebbtide-0000000000000007"])));
    }

    #[test]
    fn a_long_way_through_ebbtides_alone_is_a_circle() {
        let (me, mut headers) = (Pseudonym::new(0), passed(&["others"]));
        for number in 1..MOST as u64 {
            assert!(!me.is_loop(&headers), "{number}");
            Pseudonym::new(number).sign(&mut headers);
        }
        Pseudonym::new(99).sign(&mut headers);
        assert!(me.is_loop(&headers));
    }
}
