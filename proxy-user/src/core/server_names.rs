//! Which of several certificates a client asks for by the name of the server (SNI, RFC 6066 section 3).

use std::collections::HashMap;

/// The names that certificates are for.
#[derive(Debug, Default)]
pub struct ServerNames {
    /// In lower case.
    exact: HashMap<Box<str>, usize>,
    /// By the part after `*.`.
    wildcard: HashMap<Box<str>, usize>,
}

impl ServerNames {
    /// Adds a name of certificate `index`, such as `example.com` or `*.example.com`, in any case. Of several
    /// certificates with the same name, the first one that was added has it.
    pub fn add(&mut self, name: &str, index: usize) {
        let name = normal(name);
        let (names, name) = match name.strip_prefix("*.") {
            Some(parent) => (&mut self.wildcard, parent),
            None => (&mut self.exact, &*name),
        };
        names.entry(name.into()).or_insert(index);
    }

    /// The certificate for a server, by its exact name if possible. `*.` stands for one label, as clients
    /// will check (RFC 9525 section 6.3).
    #[must_use]
    pub fn find(&self, server: &str) -> Option<usize> {
        let server = normal(server);
        let parent = || server.split_once('.').filter(|(label, _)| !label.is_empty());
        let wildcard = || self.wildcard.get(parent()?.1);
        self.exact.get(&*server).or_else(wildcard).copied()
    }
}

/// In lower case and without a trailing dot.
fn normal(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn names(all: &[(&str, usize)]) -> ServerNames {
        let mut names = ServerNames::default();
        all.iter().for_each(|(name, index)| names.add(name, *index));
        names
    }

    #[test]
    fn the_exact_name_comes_before_a_wildcard_of_one_label() {
        let names = names(&[
            ("*.Example.com", 1),
            ("www.example.com", 2),
            ("www.example.com.", 3),
            ("*.apps.example.com", 4),
        ]);
        for (server, found) in [
            ("www.example.com", Some(2)),
            ("WWW.EXAMPLE.COM.", Some(2)),
            ("apps.example.com", Some(1)),
            ("a.apps.example.com", Some(4)),
            ("a.b.example.com", None),
            ("example.com", None),
            (".example.com", None),
            ("www.example.org", None),
            ("", None),
        ] {
            assert_eq!(names.find(server), found, "{server}");
        }
    }

    /// Short names over a small alphabet, so that they collide.
    fn name() -> impl Strategy<Value = String> {
        r"(\*\.)?[aAb]{1,2}(\.[ab]){0,2}\.?"
    }

    proptest! {
        /// Compared with RFC 9525 section 6.3, name by name.
        #[test]
        fn it_finds_what_a_search_of_the_list_finds(
            added in proptest::collection::vec(name(), 0..12),
            server in r"[abB]{1,2}(\.[abB]){0,2}\.?",
        ) {
            let all: Vec<_> = added.iter().map(String::as_str).zip(0..).collect();
            let labels = |name: &str| -> Vec<String> {
                name.trim_end_matches('.').split('.').map(str::to_ascii_lowercase).collect()
            };
            let asked = labels(&server);
            let exact = all.iter().find(|(name, _)| labels(name) == asked);
            let wild = all.iter().find(|(name, _)| {
                let name = labels(name);
                name[0] == "*" && name.len() == asked.len() && name[1..] == asked[1..]
            });
            let expected = exact.or(wild).map(|(_, index)| *index);
            prop_assert_eq!(names(&all).find(&server), expected);
        }

        #[test]
        fn nothing_panics(name in ".*", server in ".*") {
            let mut names = ServerNames::default();
            names.add(&name, 0);
            let _ = (names.find(&server), names.find(&name));
        }
    }
}
