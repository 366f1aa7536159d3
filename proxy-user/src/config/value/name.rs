//! Names: of apps and packs, and which known name an unknown one is nearest to.

use super::super::mistake::{ValueError, quote};
use super::{Fixed, Kind};

/// As long as a DNS label and a Kubernetes label value.
const LONGEST: usize = 63;

pub(crate) const APP_NAME: Fixed<String> =
    Kind { wants: "a name", example: "\"demo\"", parse: app_name };

pub(crate) const PACK_NAME: Fixed<String> =
    Kind { wants: "the name of a pack", example: "\"streamlit\"", parse: app_name };

/// A name that is a metric label and a URL segment without any escape.
pub(crate) fn app_name(text: &str) -> Result<String, ValueError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    // Clients and proxies resolve these two segments away, and with them the app's place.
    let dots = text == "." || text == "..";
    if (1..=LONGEST).contains(&text.len()) && text.bytes().all(plain) && !dots {
        return Ok(text.to_owned());
    }
    Err(ValueError::new(
        format!("{} is not a name", quote(text)),
        format!("write 1 to {LONGEST} of the letters a-z and A-Z, digits, \".\", \"_\" and \"-\""),
    ))
}

/// The known name that was probably meant: the nearest by edits (insert, delete, replace, swap
/// neighbours), at most one edit for every three letters. Case and `-` for `_` cost nothing.
#[must_use]
pub fn nearest<'k>(text: &str, known: &[&'k str]) -> Option<&'k str> {
    // Nobody mistypes a name into a page of text, and the distance costs the product of lengths.
    if text.len() > LONGEST {
        return None;
    }
    let plain = |name: &str| name.to_ascii_lowercase().replace('-', "_");
    let text = plain(text);
    let distance = |name: &str| strsim::osa_distance(&text, &plain(name));
    let allowed = (text.chars().count() / 3).max(1);
    let (edits, name) = known.iter().map(|name| (distance(name), *name)).min()?;
    (edits <= allowed).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_the_key_and_a_different_word_finds_none() {
        let known = ["name", "hosts", "path", "upstream", "idle_after"];
        for (text, meant) in [
            ("upsteam", Some("upstream")),
            ("upstraem", Some("upstream")),
            ("Upstream", Some("upstream")),
            ("idle-after", Some("idle_after")),
            ("idelafter", Some("idle_after")),
            ("host", Some("hosts")),
            ("nme", Some("name")),
            ("colour", None),
            ("", None),
        ] {
            assert_eq!(nearest(text, &known), meant, "{text}");
        }
        assert_eq!(nearest("x", &[]), None);
    }

    #[test]
    fn names_are_labels_and_segments_as_they_are() {
        for name in ["a", "Demo-1_x.y", "...", &"a".repeat(63)] {
            assert!(app_name(name).is_ok(), "{name}");
        }
        for name in ["", ".", "..", "a/b", "a b", "é", "a%", &"a".repeat(64)] {
            assert!(app_name(name).is_err(), "{name}");
        }
    }
}
