use std::cell::RefCell;

use proptest::prelude::*;

use super::*;

fn exact(name: &str) -> HostPattern {
    HostPattern::Exact(name.to_owned())
}

fn below(suffix: &str) -> HostPattern {
    HostPattern::Suffix(suffix.to_owned())
}

#[test]
fn the_closest_host_then_the_longest_path() {
    let demo = exact("demo.localhost");
    let (wide, narrow) = (below("example.com"), below("apps.example.com"));
    let mut table = RouteTable::default();
    let routes = [
        (Some(&demo), "/"),
        (Some(&demo), "/api"),
        (Some(&demo), "/api/v2/"),
        (Some(&wide), "/"),
        (Some(&narrow), "/only"),
        (None, "/any"),
    ];
    for (index, (host, path)) in routes.into_iter().enumerate() {
        table.insert(host, path, Source::File, index);
    }
    let find = |host, path| table.find(host, path).copied();
    assert_eq!(find("demo.localhost", "/"), Some(0));
    assert_eq!(find("DEMO.localhost.", "/apiary"), Some(0));
    assert_eq!(find("demo.localhost", "/api"), Some(1));
    assert_eq!(find("demo.localhost", "/api/"), Some(1));
    assert_eq!(find("demo.localhost", "/api/v2"), Some(2));
    assert_eq!(find("demo.localhost", "/api/v2/x"), Some(2));
    assert_eq!(find("x.example.com", "/"), Some(3));
    assert_eq!(find("example.com", "/"), None);
    assert_eq!(find("x.apps.example.com", "/only"), Some(4));
    assert_eq!(find("x.apps.example.com", "/"), Some(3));
    assert_eq!(find("else", "/any/where"), Some(5));
    assert_eq!(find("else", "/"), None);
    for host in ["apps.example.com", ".example.com", "xexample.com", ""] {
        let wide_only = if host == "apps.example.com" { Some(3) } else { None };
        assert_eq!(find(host, "/"), wide_only, "{host}");
    }
}

#[test]
fn segments_are_compared_decoded_and_never_across_a_slash() {
    let mut table = RouteTable::default();
    table.insert(None, "/user/foo@bar", Source::Api, 1);
    table.insert(None, "/a/b", Source::Api, 2);
    assert_eq!(table.find("h", "/user/foo%40bar/tree"), Some(&1));
    assert_eq!(table.find("h", "/%75ser/foo@bar"), Some(&1));
    assert_eq!(table.find("h", "/a%2Fb"), None);
    assert_eq!(table.find("h", "/a/b%"), None);
    assert_eq!(table.find("h", "/a/%FF"), None);
    assert_eq!(table.remove(None, "/user/foo%40bar/", Source::Api), Some(1));
    assert_eq!(table.find("h", "/user/foo@bar"), None);
}

#[test]
fn the_file_wins_and_the_next_source_takes_over() {
    let mut table = RouteTable::default();
    assert_eq!(table.insert(None, "/x", Source::Kubernetes, 3), None);
    assert_eq!(table.insert(None, "/x", Source::File, 1), None);
    assert_eq!(table.insert(None, "/x", Source::Api, 2), None);
    for (source, found) in [(Source::File, 1), (Source::Api, 2), (Source::Kubernetes, 3)] {
        assert_eq!(table.find("h", "/x"), Some(&found));
        assert_eq!(table.remove(None, "/x", source), Some(found));
    }
    assert_eq!(table.find("h", "/x"), None);
    assert!(table.any.is_empty());
}

/// One of a few hosts, paths and sources, so that they collide.
fn place() -> impl Strategy<Value = (Option<HostPattern>, String, Source)> {
    let host = prop_oneof![
        Just(None),
        Just(Some(exact("a.b.c"))),
        Just(Some(below("b.c"))),
        Just(Some(below("c"))),
    ];
    let path = proptest::collection::vec(prop_oneof!["x", "y", "z"], 0..4)
        .prop_map(|segments| format!("/{}", segments.join("/")));
    let source = prop_oneof![Just(Source::File), Just(Source::Api), Just(Source::Kubernetes)];
    (host, path, source)
}

proptest! {
    /// Compared with a linear search through a list.
    #[test]
    fn it_finds_what_a_list_finds(
        changes in proptest::collection::vec((place(), any::<bool>()), 0..60),
        asked in proptest::collection::vec(place(), 1..20),
    ) {
        let (mut table, mut list) = (RouteTable::default(), HashMap::new());
        for (number, ((host, path, source), add)) in changes.into_iter().enumerate() {
            let key = (host.clone(), path.clone(), source);
            let (old, known) = if add {
                (table.insert(host.as_ref(), &path, source, number), list.insert(key, number))
            } else {
                (table.remove(host.as_ref(), &path, source), list.remove(&key))
            };
            prop_assert_eq!(old, known);
        }
        for (_, path, _) in asked {
            let hosts = [Some(exact("a.b.c")), Some(below("b.c")), Some(below("c")), None];
            let covers = |prefix: &str| {
                let prefix = prefix.trim_end_matches('/');
                path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            let expected = hosts.iter().find_map(|host| {
                let fits = |key: &&(Option<HostPattern>, String, Source)| key.0 == *host && covers(&key.1);
                let best = list.keys().filter(fits).min_by_key(|key| {
                    (std::cmp::Reverse(key.1.trim_end_matches('/').len()), key.2)
                });
                best.map(|key| &list[key])
            });
            prop_assert_eq!(table.find("A.b.C", &path), expected);
        }
        for ((host, path, source), number) in list {
            prop_assert_eq!(table.remove(host.as_ref(), &path, source), Some(number));
        }
        prop_assert!(table.any.is_empty() && table.exact.is_empty() && table.below.is_empty());
    }

    #[test]
    fn nothing_panics(host in ".*", path in ".*") {
        let mut table = RouteTable::default();
        table.insert(Some(&below(&host)), &path, Source::Api, 1);
        let _ = table.find(&host, &path);
        prop_assert_eq!(table.remove(Some(&below(&host)), &path, Source::Api), Some(1));
    }
}

#[test]
fn all_that_a_path_may_mean() {
    let (demo, wide) = (exact("demo.test"), below("test"));
    let mut table = RouteTable::default();
    let routes = [
        (Some(&demo), "/a"),
        (Some(&demo), "/a/b"),
        (Some(&wide), "/"),
        (Some(&wide), "/a"),
        (None, "/"),
        (None, "/c"),
    ];
    for (index, (host, path)) in routes.into_iter().enumerate() {
        table.insert(host, path, Source::File, index);
    }
    let read = |host: &str, path: &str| {
        let (reading, found) = (Reading::of(path).unwrap(), RefCell::new(Vec::new()));
        table.all_read(host, &reading, |value| {
            found.borrow_mut().push(*value);
            true
        });
        let mut found = found.into_inner();
        found.sort_unstable();
        found
    };
    assert_eq!(read("demo.test", "/x/.."), [0, 1, 2, 3]);
    assert_eq!(read("x.test", "/x/.."), [2, 3]);
    assert_eq!(read("else", "/x/.."), [4, 5]);
    assert_eq!(read("demo.test", "/a/x;y"), [0]);
    assert_eq!(read("demo.test", "/a/b;y"), [0, 1]);
    assert_eq!(read("demo.test", "/a/b/x;y"), [1]);
    assert_eq!(read("Demo.test.", "/a;x/b"), [0, 1, 2, 3]);
    assert_eq!(read("else", "//c"), [4, 5]);
}
