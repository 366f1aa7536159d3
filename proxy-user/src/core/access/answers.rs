//! How long an answer of the authentication service may be reused: `Cache-Control` (RFC 9111).

use std::time::Duration;

use http::HeaderMap;
use http::header::{AGE, CACHE_CONTROL, HeaderName, HeaderValue, SET_COOKIE, VARY};

/// The longest time for which somebody who has signed out may still be let in.
const LONGEST: Duration = Duration::from_secs(3600);

/// How long the answer with these headers may be reused for exactly the same question; zero = not at all.
///
/// Without an explicit `max-age` nothing is reused, whatever the heuristics of RFC 9111 section 4.2.2 would
/// allow. `private` changes nothing, because everything that identifies the client is part of the question.
#[must_use]
pub fn fresh_for(headers: &HeaderMap) -> Duration {
    let varies = |vary: &HeaderValue| vary.as_bytes().contains(&b'*');
    // A cookie is meant for one client, once. `Vary: *` means that more than the question decided the answer
    // (RFC 9110 section 12.5.5).
    if headers.contains_key(SET_COOKIE) || headers.get_all(VARY).iter().any(varies) {
        return Duration::ZERO;
    }
    let mut lasts = None;
    for field in headers.get_all(CACHE_CONTROL) {
        let Ok(field) = field.to_str() else { return Duration::ZERO };
        for directive in field.split(',') {
            let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
            match name.trim().to_ascii_lowercase().as_str() {
                "no-store" | "no-cache" => return Duration::ZERO,
                "max-age" => {
                    // Of several, the shortest counts (RFC 9111 section 4.2.1 leaves this open). One that is
                    // not a number makes the answer stale.
                    let seconds = number(value.trim().trim_matches('"')).unwrap_or(0);
                    lasts = Some(lasts.map_or(seconds, |lasts: u64| lasts.min(seconds)));
                }
                _ => {}
            }
        }
    }
    let age = |name: &HeaderName| headers.get(name).map(|age| number(age.to_str().ok()?));
    let age = age(&AGE).map_or(0, |age| age.unwrap_or(u64::MAX));
    Duration::from_secs(lasts.unwrap_or(0).saturating_sub(age)).min(LONGEST)
}

fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_says_so_is_reused() {
        for (fields, seconds) in [
            (&[][..], 0),
            (&[("cache-control", "max-age=60")][..], 60),
            (&[("cache-control", "private, Max-Age=60, must-revalidate")], 60),
            (&[("cache-control", "max-age=60"), ("age", "20")], 40),
            (&[("cache-control", "max-age=60"), ("age", "90")], 0),
            (&[("cache-control", "max-age=60"), ("age", "x")], 0),
            (&[("cache-control", "max-age=\"60\"")], 60),
            (&[("cache-control", "max-age=99999999999999999999")], 0),
            (&[("cache-control", "max-age=999999")], 3600),
            (&[("cache-control", "max-age=60, max-age=5")], 5),
            (&[("cache-control", "max-age=60"), ("cache-control", "no-store")], 0),
            (&[("cache-control", "no-cache, max-age=60")], 0),
            (&[("cache-control", "no-cache=\"x\", max-age=60")], 0),
            (&[("cache-control", "max-age")], 0),
            (&[("cache-control", "max-age=-1")], 0),
            (&[("cache-control", "s-maxage=60")], 0),
            (&[("cache-control", "public")], 0),
            (&[("expires", "Thu, 01 Dec 2050 16:00:00 GMT")], 0),
            (&[("cache-control", "max-age=60"), ("set-cookie", "a=b")], 0),
            (&[("cache-control", "max-age=60"), ("vary", "*")], 0),
            (&[("cache-control", "max-age=60"), ("vary", "cookie, *")], 0),
            (&[("cache-control", "max-age=60"), ("vary", "Cookie")], 60),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in fields {
                headers.append(*name, HeaderValue::from_static(value));
            }
            assert_eq!(fresh_for(&headers), Duration::from_secs(seconds), "{fields:?}");
        }
    }
}
