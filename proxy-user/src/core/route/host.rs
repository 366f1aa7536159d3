//! Host patterns: which `Host` a route answers to.

use std::fmt;

/// A host, or all hosts below one; in lower case, without a trailing dot.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HostPattern {
    /// This host only; an IPv6 address is in brackets, as in a `Host` header.
    Exact(String),
    /// Every host below this one, at any depth, but not itself; stored without the `*.`.
    Suffix(String),
}

impl HostPattern {
    /// Whether a host matches (without port, in any case, with or without a trailing dot).
    #[must_use]
    pub fn matches(&self, host: &str) -> bool {
        let host = host.strip_suffix('.').unwrap_or(host);
        match self {
            Self::Exact(name) => host.eq_ignore_ascii_case(name),
            Self::Suffix(suffix) => {
                let at = host.len().checked_sub(suffix.len());
                at.and_then(|at| host.split_at_checked(at)).is_some_and(|(labels, end)| {
                    labels.len() > 1 && labels.ends_with('.') && end.eq_ignore_ascii_case(suffix)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_a_trailing_dot_do_not_matter() {
        let demo = HostPattern::Exact("demo.localhost".to_owned());
        assert!(demo.matches("demo.localhost") && demo.matches("DEMO.localhost."));
        assert!(!demo.matches("x.demo.localhost") && !demo.matches("localhost"));
    }

    #[test]
    fn a_suffix_takes_hosts_below_but_not_itself() {
        let apps = HostPattern::Suffix("apps.example.com".to_owned());
        assert!(apps.matches("a.apps.example.com") && apps.matches("b.a.APPS.example.com."));
        for host in ["apps.example.com", ".apps.example.com", "xapps.example.com", "", "é"] {
            assert!(!apps.matches(host), "{host}");
        }
    }
}
