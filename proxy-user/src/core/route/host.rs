//! Host patterns: which `Host` a route answers to.

use std::fmt;

/// A host, or all hosts below one; in lower case without a trailing dot.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HostPattern {
    /// This host alone; an IPv6 address stands in brackets, as in a `Host` header.
    Exact(String),
    /// Every host below this one, at any depth, but not itself; kept without the `*.`.
    Suffix(String),
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => f.write_str(name),
            Self::Suffix(suffix) => write!(f, "*.{suffix}"),
        }
    }
}
