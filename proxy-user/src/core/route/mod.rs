//! The route table: which value a host and a path lead to. The host decides first, then the longest
//! path prefix in whole, percent-decoded segments.
//!
//! Routes are added and removed one by one; nothing is rebuilt. Several sources may claim one host and
//! path: the first of them in the order of [`Source`] wins, and the next one takes over when it goes.
//! The table knows neither apps nor configuration.

mod host;
mod tree;

use std::collections::HashMap;

pub use self::host::HostPattern;
use self::tree::Tree;

/// Where a route comes from, the one that wins first.
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
    /// By the host in lower case.
    exact: HashMap<Box<str>, Tree<T>>,
    /// By what follows `*.`.
    below: HashMap<Box<str>, Tree<T>>,
    any: Tree<T>,
}

impl<T> Default for RouteTable<T> {
    fn default() -> RouteTable<T> {
        RouteTable { exact: HashMap::new(), below: HashMap::new(), any: Tree::default() }
    }
}

impl<T> RouteTable<T> {
    /// Adds a route; gives what this source had there before. `host`: `None` = any. `path`: a prefix,
    /// with or without a slash at its end.
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

    /// Removes the route that this source has there.
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

    /// What `host` (without its port, in any case) and `path` lead to.
    #[must_use]
    pub fn find(&self, host: &str, path: &str) -> Option<&T> {
        let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        let exact = self.exact.get(host.as_str()).into_iter();
        let below = suffixes(&host).filter_map(|suffix| self.below.get(suffix));
        exact.chain(below).chain([&self.any]).find_map(|tree| tree.find(path))
    }
}

/// What may stand behind `*.` in a pattern that matches this host, the longest first.
fn suffixes(host: &str) -> impl Iterator<Item = &str> {
    // A label stands before the dot.
    host.match_indices('.').filter(|(at, _)| *at > 0).map(|(at, _)| &host[at + 1..])
}

#[cfg(test)]
mod tests;
