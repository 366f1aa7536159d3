//! Where somebody who waits for an app returns to: a target within that app, encoded in a query.

use std::fmt::Write;

/// Encodes a target as the value of a query parameter.
#[must_use]
pub fn encode(target: &str) -> String {
    let mut value = String::with_capacity(target.len());
    for byte in target.bytes() {
        match byte {
            b'%' | b'&' | b'+' | b'#' | ..=b' ' | 0x7f.. => _ = write!(value, "%{byte:02X}"),
            _ => value.push(char::from(byte)),
        }
    }
    value
}

/// Decodes such a value; `None` if it does not lead to the app at `app_path`. Never returns another site: see
/// [`is_within`].
#[must_use]
pub fn decode(value: &str, app_path: &str) -> Option<String> {
    let mut target = Vec::with_capacity(value.len());
    let mut bytes = value.bytes();
    while let Some(byte) = bytes.next() {
        let mut digit = || char::from(bytes.next()?).to_digit(16);
        target.push(match byte {
            b'%' => u8::try_from(digit()? << 4 | digit()?).ok()?,
            byte => byte,
        });
    }
    let target = String::from_utf8(target).ok()?;
    is_within(&target, app_path).then_some(target)
}

/// Whether a browser sent to `target` stays within the app. A target starting with two slashes names another
/// site (RFC 3986 section 4.2). Browsers treat `\` as `/`, and remove tabs and newlines first (WHATWG URL,
/// "URL parsing").
fn is_within(target: &str, app_path: &str) -> bool {
    let path = target.split(['?', '#']).next().unwrap_or_default();
    let below = path.strip_prefix(app_path.trim_end_matches('/'));
    let is_dots = |segment: &str| {
        let segment = segment.to_ascii_lowercase().replace("%2e", ".");
        segment == "." || segment == ".."
    };
    target.bytes().all(|byte| byte > b' ' && byte != 0x7f)
        && below.is_some_and(|below| below.is_empty() || below.starts_with('/'))
        && path.starts_with('/')
        && !path.starts_with("//")
        && !path.contains('\\')
        && !path.split('/').any(is_dots)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_target_of_the_app_is_come_back_to() {
        for target in ["/", "/a/b?x=1&y=%20+#z", "/é?q=\"'<>"] {
            assert_eq!(decode(&encode(target), "/").as_deref(), Some(target));
        }
        assert_eq!(decode("/x", "/x").as_deref(), Some("/x"));
        assert_eq!(decode("/x/", "/x").as_deref(), Some("/x/"));
        assert_eq!(decode("/x?to=//y", "/x").as_deref(), Some("/x?to=//y"));
    }

    #[test]
    fn no_other_place_is() {
        for target in [
            "",
            "x",
            "?x",
            "//evil",
            "/\\evil",
            "\\/evil",
            "http://evil/",
            "javascript:alert(1)",
            "%2F%2Fevil",
            "/%5Cevil",
            "/%09/evil",
            "/%0D%0ASet-Cookie:x",
            "/a%00",
            "/%zz",
            "/%4",
            "/./\\evil",
            "/../a",
            "/a/%252E%252e/b",
            "/%ff",
        ] {
            assert_eq!(decode(target, "/"), None, "{target}");
        }
        assert_eq!(decode("/xy", "/x"), None);
        assert_eq!(decode("/x/../y", "/x"), None);
        assert_eq!(decode("/", "/x"), None);
    }

    proptest! {
        #[test]
        fn what_is_decoded_is_one_line_below_the_app(value in ".*") {
            if let Some(target) = decode(&value, "/app") {
                prop_assert!(target.starts_with("/app"));
                prop_assert!(!target.contains(char::is_whitespace) || !target.is_ascii());
                prop_assert_eq!(decode(&encode(&target), "/app"), Some(target));
            }
        }
    }
}
