//! The path that an app is asked for: without the prefix that leads to the app, and below the path that its
//! upstream has of its own.

use http::uri::PathAndQuery;

/// The target for the app; `None` = it would be longer than any target may be. `strip`: the app's path, to be
/// taken off; it must match the target's, as the route has found it. `base`: the upstream's own path, without a
/// slash at its end; empty = none.
#[must_use]
pub fn upstream_target(
    target: Option<&PathAndQuery>,
    strip: Option<&str>,
    base: &str,
) -> Option<PathAndQuery> {
    let root = PathAndQuery::from_static("/");
    let target = target.unwrap_or(&root);
    let strip = strip.filter(|prefix| *prefix != "/");
    if base.is_empty() && strip.is_none() || target.path() == "*" {
        return Some(target.clone());
    }
    let path = match strip {
        None => target.path().to_owned(),
        // A path that begins with two slashes would be taken for a host by some (RFC 3986 section 4.2).
        Some(prefix) => format!("/{}", rest(target.path(), prefix).trim_start_matches('/')),
    };
    let query = target.query().map(|query| format!("?{query}")).unwrap_or_default();
    PathAndQuery::try_from(format!("{base}{path}{query}")).ok()
}

/// What follows as many segments as the prefix has. They need not be spelled as the prefix is: `%61` is `a`.
fn rest<'a>(path: &'a str, prefix: &str) -> &'a str {
    let segments = prefix.trim_matches('/').split('/').count();
    path.match_indices('/').nth(segments).map_or("", |(at, _)| &path[at..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(target: &'static str, strip: Option<&str>, base: &str) -> String {
        let target = PathAndQuery::from_static(target);
        upstream_target(Some(&target), strip, base).unwrap().to_string()
    }

    #[test]
    fn a_prefix_is_taken_off() {
        for (target, told_target) in [
            ("/a", "/"),
            ("/a?x=1", "/?x=1"),
            ("/a/", "/"),
            ("/a/b/c?x=/a", "/b/c?x=/a"),
            ("/%61/b", "/b"),
            ("/a//host/b", "/host/b"),
        ] {
            assert_eq!(told(target, Some("/a"), ""), told_target, "{target}");
        }
        assert_eq!(told("/a/b/c", Some("/a/b"), ""), "/c");
        assert_eq!(told("/a/b", Some("/"), ""), "/a/b");
        assert_eq!(told("/a/b", None, ""), "/a/b");
    }

    #[test]
    fn a_path_of_the_upstream_comes_first() {
        assert_eq!(told("/", None, "/base"), "/base/");
        assert_eq!(told("/x?y", None, "/base/deep"), "/base/deep/x?y");
        assert_eq!(told("/a?y", Some("/a"), "/base"), "/base/?y");
        assert_eq!(upstream_target(None, None, "/base").unwrap(), "/base/");
        assert_eq!(told("*", None, "/base"), "*", "RFC 9112 section 3.2.4");
    }

    #[test]
    fn no_target_grows_beyond_what_http_allows() {
        let target = PathAndQuery::try_from(format!("/{}", "x".repeat(65_000))).unwrap();
        assert_eq!(upstream_target(Some(&target), None, &"/base".repeat(200)), None);
    }
}
