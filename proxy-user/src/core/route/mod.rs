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
        let host = lower(host);
        self.trees(&host).find_map(|tree| tree.find(path))
    }

    /// Whether `test` holds for every value that a path with this reading may lead to on `host`.
    pub fn all_read(&self, host: &str, reading: &Reading, test: impl Fn(&T) -> bool) -> bool {
        let host = lower(host);
        let ways = match reading {
            Reading::Anywhere => {
                // Whatever the path, no tree after one that has a route for all paths is asked.
                let mut is_last = false;
                let mut trees = self
                    .trees(&host)
                    .take_while(|tree| !std::mem::replace(&mut is_last, tree.has_root()));
                return trees.all(|tree| tree.all(&test));
            }
            Reading::Down { sure, ways } => ways.iter().map(|way| way.split_at(*sure)),
        };
        for (sure, open) in ways {
            for tree in self.trees(&host) {
                let (least, further) = tree.along(sure, open);
                if !further.into_iter().chain(least).all(&test) {
                    return false;
                }
                if least.is_some() {
                    break;
                }
            }
        }
        true
    }

    /// The trees that are asked for a host, in this order.
    fn trees<'a, 'h>(
        &'a self,
        host: &'h str,
    ) -> impl Iterator<Item = &'a Tree<T>> + use<'a, 'h, T> {
        let exact = self.exact.get(host).into_iter();
        let below = suffixes(host).filter_map(|suffix| self.below.get(suffix));
        exact.chain(below).chain([&self.any])
    }
}

/// A host as the table has it.
fn lower(host: &str) -> String {
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

/// What may follow `*.` in a pattern that matches this host, the longest first.
fn suffixes(host: &str) -> impl Iterator<Item = &str> {
    // There must be a label before the dot.
    host.match_indices('.').filter(|(at, _)| *at > 0).map(|(at, _)| &host[at + 1..])
}

#[cfg(test)]
mod tests;
