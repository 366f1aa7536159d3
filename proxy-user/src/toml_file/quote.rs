//! Quotes text from a file for use in a message.

use std::borrow::Cow;

/// Text from a file for a message: quoted, escaped, cut, and without the secrets of a URL.
pub(crate) fn quote(text: &str) -> String {
    if text.contains("://") { quote_url(text) } else { quoted(&hide_user(text)) }
}

/// The same if a URL is expected, even if the text does not look like one. Its query may contain tokens.
pub(crate) fn quote_url(text: &str) -> String {
    let text = hide_user(text);
    match text.find(['?', '#']) {
        Some(end) => quoted(&format!("{}…", &text[..=end])),
        None => quoted(&text),
    }
}

/// Hides what may be a user name and a password: everything between the scheme and the last `@`.
fn hide_user(text: &str) -> Cow<'_, str> {
    let Some(at) = text.rfind('@') else { return text.into() };
    let start = text.find("://").map_or(0, |scheme| scheme + "://".len());
    let hides = start > 0 || text[..at].contains(':');
    match text.get(start..at) {
        Some(_) if hides => format!("{}…{}", &text[..start], &text[at..]).into(),
        _ => text.into(),
    }
}

fn quoted(text: &str) -> String {
    const LONGEST: usize = 60;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("\"{}…\"", text[..end].escape_debug()),
        None => format!("\"{}\"", text.escape_debug()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_of_urls_are_not_quoted() {
        for (text, quoted) in [
            ("http://h:80/x", "\"http://h:80/x\""),
            ("http://user:s3cret@h/x", "\"http://…@h/x\""),
            ("http://s3cret@h", "\"http://…@h\""),
            ("http://user:s3/cret?#@h", "\"http://…@h\""),
            ("http://user:s3cret@x@h", "\"http://…@h\""),
            ("user:s3cret@h:80", "\"…@h:80\""),
            ("http:/user:s3cret@h", "\"…@h\""),
            ("me@h", "\"me@h\""),
            ("a@b://c", "\"a@b://c\""),
        ] {
            assert_eq!(quote(text), quoted, "{text}");
            assert_eq!(quote_url(text), quoted, "{text}");
        }
        assert_eq!(quote("a?b"), "\"a?b\"", "a pattern");
        for (text, quoted) in [
            ("http://h/x?token=s3cret", "\"http://h/x?…\""),
            ("http://user:s3cret@h?token=s3cret#s", "\"http://…@h?…\""),
            ("http://h/x#s3cret", "\"http://h/x#…\""),
            ("h/x?token=s3cret@y", "\"h/x?…\""),
        ] {
            assert_eq!(quote_url(text), quoted, "{text}");
        }
    }
}
