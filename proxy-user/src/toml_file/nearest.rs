//! Finds the known name that is nearest to an unknown one.

/// Names are short, and the cost is the product of the lengths.
const LONGEST: usize = 63;

/// The known name that was probably meant: the nearest by edits (insert, delete, replace, swap neighbours),
/// with at most one edit per three letters. Differences in case, and `-` for `_`, are ignored.
#[must_use]
pub fn nearest<'k>(text: &str, known: &[&'k str]) -> Option<&'k str> {
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
}
