//! Host patterns: which `Host` an app answers to.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use super::super::mistake::{ValueError, quote};

/// One entry of `hosts`, in lower case without a trailing dot.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HostPattern {
    /// This host alone; an IPv6 address stands in brackets, as in a `Host` header.
    Exact(String),
    /// Every host below this one, at any depth, but not itself; kept without the `*.`.
    Suffix(String),
}

impl HostPattern {
    /// Whether a host (ASCII, without its port, in any case, with or without a trailing dot) is
    /// meant. Nothing is allocated.
    #[must_use]
    pub fn matches(&self, host: &str) -> bool {
        let host = host.strip_suffix('.').unwrap_or(host);
        match self {
            Self::Exact(name) => host.eq_ignore_ascii_case(name),
            Self::Suffix(suffix) => {
                let below = host.len().checked_sub(suffix.len());
                below.and_then(|at| host.split_at_checked(at)).is_some_and(|(front, end)| {
                    front.len() > 1 && front.ends_with('.') && end.eq_ignore_ascii_case(suffix)
                })
            }
        }
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => f.write_str(name),
            Self::Suffix(suffix) => write!(f, "*.{suffix}"),
        }
    }
}

impl FromStr for HostPattern {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let wrong = |why: &str, fix: &str| ValueError::new(format!("{} {why}", quote(text)), fix);
        if !text.is_ascii() {
            return Err(wrong("is not ASCII", "write the name in punycode (xn--…)"));
        }
        if text == "*" {
            return Err(wrong("is no host pattern", "leave `hosts` out to take any host"));
        }
        if let Some(inside) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'))
            && let Ok(address) = inside.parse::<Ipv6Addr>()
        {
            return Ok(Self::Exact(format!("[{address}]")));
        }
        if text.contains([':', '/']) {
            return Err(wrong(
                "is more than a host",
                "write the name alone: no scheme, port or path",
            ));
        }
        let lower = text.to_ascii_lowercase();
        let name = lower.strip_suffix('.').unwrap_or(&lower);
        let (name, suffix) = match name.strip_prefix("*.") {
            Some(rest) => (rest, true),
            None => (name, false),
        };
        if name.len() > 253 || !name.split('.').all(is_label) {
            return Err(wrong(
                "is no host pattern",
                "write \"demo.example.com\", or \"*.example.com\" for every host below it",
            ));
        }
        Ok(if suffix { Self::Suffix(name.to_owned()) } else { Self::Exact(name.to_owned()) })
    }
}

/// RFC 1123 section 2.1, and `_`, which container names carry.
fn is_label(label: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    (1..=63).contains(&label.len()) && label.bytes().all(plain) && !label.starts_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pattern(text: &str) -> HostPattern {
        text.parse().unwrap()
    }

    #[test]
    fn exact_hosts_ignore_case_and_a_trailing_dot() {
        let demo = pattern("Demo.Localhost.");
        assert_eq!(demo.to_string(), "demo.localhost");
        assert!(demo.matches("demo.localhost") && demo.matches("DEMO.localhost."));
        assert!(!demo.matches("x.demo.localhost") && !demo.matches("localhost"));
        assert!(pattern("[0:0::1]").matches("[::1]"));
    }

    #[test]
    fn suffixes_take_hosts_below_but_not_the_suffix_itself() {
        let apps = pattern("*.apps.example.com");
        assert!(apps.matches("a.apps.example.com") && apps.matches("b.a.APPS.example.com."));
        for host in [
            "apps.example.com",
            ".apps.example.com",
            "xapps.example.com",
            "xxapps.example.com",
            "",
            "é",
        ] {
            assert!(!apps.matches(host), "{host}");
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for text in
            ["", "*", "*.", "a.*.b", "*x.b", "a..b", "a:80", "http://a", "a/b", "é.de", "-a"]
        {
            assert!(text.parse::<HostPattern>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_host_panics(host in ".*", text in ".*") {
            let _ = pattern("*.é.example".replace('é', "e").as_str()).matches(&host);
            let _ = text.parse::<HostPattern>();
        }

        #[test]
        fn a_pattern_survives_being_written(text in r"(\*\.)?[A-Za-z0-9_]{1,8}(\.[a-z0-9]{1,8}){0,3}\.?") {
            let read = pattern(&text);
            prop_assert_eq!(pattern(&read.to_string()), read);
        }
    }
}
