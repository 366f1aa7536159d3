//! Detects requests that come back to a proxy that they have already passed. Each proxy adds its name to
//! `CDN-Loop` (RFC 8586), which others must not change or remove.
//!
//! `Via` (RFC 9110 section 7.6.3) would do as well, but servers behave differently if it is present: by
//! default, nginx does not compress its answers then (`gzip_proxied`).

use http::header::{HeaderMap, HeaderName, HeaderValue};

use super::headers::{append, tokens};

const CDN_LOOP: HeaderName = HeaderName::from_static("cdn-loop");

/// Common prefix of the names of all Ebbtide processes.
const PREFIX: &str = "ebbtide-";

/// Nobody chains this many Ebbtides on purpose. A limit is needed because one address may stand for a group
/// of several, so that a request need not come back to the same one.
const MOST: usize = 16;

/// The unique name of this process.
#[derive(Clone, Debug)]
pub struct Pseudonym(HeaderValue);

impl Pseudonym {
    /// The name for a number that no other process has.
    #[must_use]
    pub fn new(number: u64) -> Pseudonym {
        let name = HeaderValue::try_from(format!("{PREFIX}{number:016x}"));
        // Cannot fail: letters, digits and a hyphen.
        Pseudonym(name.unwrap_or(HeaderValue::from_static(PREFIX)))
    }

    /// Whether a request with these headers has been here before, or is going round in a circle of others.
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

    /// Records in a request's headers that it has been here.
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
