//! Which app a request is for: the host first, then the longest path prefix.

use std::collections::HashMap;

use crate::config::HostPattern;

/// Path prefixes of one host, longest first, with the app's index.
type Paths = Vec<(String, usize)>;

/// The routing table.
#[derive(Debug, Default)]
pub struct Router {
    exact: HashMap<String, Paths>,
    /// Suffix patterns, longest first.
    below: Vec<(HostPattern, Paths)>,
    any: Paths,
}

impl Router {
    /// A table over apps given as their hosts (none = any host) and path prefix, numbered in order.
    pub fn new<'a>(apps: impl IntoIterator<Item = (&'a [HostPattern], &'a str)>) -> Router {
        let mut router = Router::default();
        for (index, (hosts, path)) in apps.into_iter().enumerate() {
            if hosts.is_empty() {
                insert(&mut router.any, path, index);
            }
            for host in hosts {
                match host {
                    HostPattern::Exact(name) => {
                        insert(router.exact.entry(name.clone()).or_default(), path, index);
                    }
                    HostPattern::Suffix(_) => {
                        let at = router.below.iter().position(|(known, _)| known == host);
                        let at = at.unwrap_or_else(|| {
                            router.below.push((host.clone(), Paths::new()));
                            router.below.len() - 1
                        });
                        insert(&mut router.below[at].1, path, index);
                    }
                }
            }
        }
        router.below.sort_by_key(|(pattern, _)| std::cmp::Reverse(pattern.to_string().len()));
        router
    }

    /// The index of the app for `host` (no port, any case) and `path`.
    #[must_use]
    pub fn find(&self, host: &str, path: &str) -> Option<usize> {
        let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        let below = self.below.iter().filter(|(pattern, _)| pattern.matches(&host));
        let exact = self.exact.get(&host).into_iter();
        exact
            .chain(below.map(|(_, paths)| paths))
            .chain([&self.any])
            .find_map(|paths| paths.iter().find(|(prefix, _)| covers(prefix, path)))
            .map(|&(_, index)| index)
    }
}

fn insert(paths: &mut Paths, path: &str, index: usize) {
    paths.push((path.to_owned(), index));
    paths.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
}

/// A prefix covers whole segments: `/app` covers `/app` and `/app/x`, not `/apple`.
fn covers(prefix: &str, path: &str) -> bool {
    let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(name: &str) -> HostPattern {
        HostPattern::Exact(name.to_owned())
    }

    fn below(suffix: &str) -> HostPattern {
        HostPattern::Suffix(suffix.to_owned())
    }

    #[test]
    fn the_closest_host_then_the_longest_path() {
        let demo = [exact("demo.localhost")];
        let wide = [below("example.com")];
        let narrow = [below("apps.example.com")];
        let router = Router::new([
            (&demo[..], "/"),
            (&demo[..], "/api"),
            (&demo[..], "/api/v2/"),
            (&wide[..], "/"),
            (&narrow[..], "/only"),
            (&[][..], "/any"),
        ]);
        assert_eq!(router.find("demo.localhost", "/"), Some(0));
        assert_eq!(router.find("DEMO.localhost.", "/apiary"), Some(0));
        assert_eq!(router.find("demo.localhost", "/api"), Some(1));
        assert_eq!(router.find("demo.localhost", "/api/v2"), Some(2));
        assert_eq!(router.find("demo.localhost", "/api/v2/x"), Some(2));
        assert_eq!(router.find("x.example.com", "/"), Some(3));
        assert_eq!(router.find("example.com", "/"), None);
        assert_eq!(router.find("x.apps.example.com", "/only"), Some(4));
        assert_eq!(router.find("x.apps.example.com", "/"), Some(3));
        assert_eq!(router.find("else", "/any/where"), Some(5));
        assert_eq!(router.find("else", "/"), None);
    }
}
