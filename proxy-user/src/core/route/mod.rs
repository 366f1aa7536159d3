//! The route table: maps a host and a path to a value. The host decides first, then the longest path prefix
//! of whole, percent-decoded segments.
//!
//! Routes are added and removed one by one; nothing is rebuilt. Several sources may claim the same host and
//! path: the first one in the order of [`Source`] wins, and the next one takes over when it is removed. The
//! table knows neither apps nor configuration.

mod host;
mod reading;
mod tree;

use std::collections::HashMap;

pub use self::host::HostPattern;
pub use self::reading::Reading;
use self::tree::Tree;

/// Where a route comes from, in order of precedence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// The configuration file.
    File,
    /// `/api/routes`.
    Api,
    /// A workload's annotations.
    Kubernetes,
}

/// Routes from hosts and paths to values.
#[derive(Debug)]
pub struct RouteTable<T> {
    /// By host in lower case.
    exact: HashMap<Box<str>, Tree<T>>,
    /// By the part after `*.`.
    below: HashMap<Box<str>, Tree<T>>,
    any: Tree<T>,
}

impl<T> Default for RouteTable<T> {
    fn default() -> RouteTable<T> {
        RouteTable { exact: HashMap::new(), below: HashMap::new(), any: Tree::default() }
    }
}

impl<T> RouteTable<T> {
    /// Adds a route. Returns the value that this source had there before. `host`: `None` = any. `path`: a
    /// prefix, with or without a trailing slash.
    pub fn insert(
        &mut self,
        host: Option<&HostPattern>,
        path: &str,
        source: Source,
        value: T,
    ) -> Option<T> {
        let tree = match host {
            None => &mut self.any,
            Some(HostPattern::Exact(name)) => self.exact.entry(name.as_str().into()).or_default(),
            Some(HostPattern::Suffix(name)) => self.below.entry(name.as_str().into()).or_default(),
        };
        tree.insert(path, source, value)
    }

    /// Removes the route of this source.
    pub fn remove(&mut self, host: Option<&HostPattern>, path: &str, source: Source) -> Option<T> {
        let (trees, name) = match host {
            None => return self.any.remove(path, source),
            Some(HostPattern::Exact(name)) => (&mut self.exact, name),
            Some(HostPattern::Suffix(name)) => (&mut self.below, name),
        };
        let tree = trees.get_mut(name.as_str())?;
        let removed = tree.remove(path, source);
        if tree.is_empty() {
            trees.remove(name.as_str());
        }
        removed
    }

    /// The value for `host` (without port, in any case) and `path`.
    #[must_use]
    pub fn find(&self, host: &str, path: &str) -> Option<&T> {
        let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        let exact = self.exact.get(host.as_str()).into_iter();
        let below = suffixes(&host).filter_map(|suffix| self.below.get(suffix));
        exact.chain(below).chain([&self.any]).find_map(|tree| tree.find(path))
    }
}

/// What may follow `*.` in a pattern that matches this host, the longest first.
fn suffixes(host: &str) -> impl Iterator<Item = &str> {
    // There must be a label before the dot.
    host.match_indices('.').filter(|(at, _)| *at > 0).map(|(at, _)| &host[at + 1..])
}

#[cfg(test)]
mod tests;
