//! How host patterns are written.

use std::net::Ipv6Addr;
use std::str::FromStr;

use crate::core::route::HostPattern;
use crate::toml_file::{ValueError, quote};

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

/// RFC 1123 section 2.1, and `_`, which container names may have.
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
    fn names_are_kept_in_lower_case_without_a_trailing_dot() {
        assert_eq!(pattern("Demo.Localhost."), HostPattern::Exact("demo.localhost".to_owned()));
        assert_eq!(pattern("*.Apps.example"), HostPattern::Suffix("apps.example".to_owned()));
        assert_eq!(pattern("[0:0::1]"), HostPattern::Exact("[::1]".to_owned()));
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
        fn no_text_panics(text in ".*") {
            let _ = text.parse::<HostPattern>();
        }

        #[test]
        fn a_pattern_survives_being_written(text in r"(\*\.)?[A-Za-z0-9_]{1,8}(\.[a-z0-9]{1,8}){0,3}\.?") {
            let read = pattern(&text);
            prop_assert_eq!(pattern(&read.to_string()), read);
        }
    }
}
