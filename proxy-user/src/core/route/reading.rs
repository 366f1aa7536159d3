//! How other programs may read a path.
//!
//! RFC 3986 lets a server take `/a/../b` for `/b`, and many take more than that for the same: `//b`, `/a/%2e%2e/b`,
//! `/a\..\b`, `/a;x/../b`. Whoever decides by the path must know that the app may understand another one.

/// A path as the most generous of them read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Starts with a slash; has no empty, `.` or `..` segment, no parameters and no escapes.
    pub path: String,
    /// A segment was `.` or `..`. No browser sends one.
    pub has_dots: bool,
}

impl Reading {
    /// Reads a path. `None`: there is only one way to read it.
    #[must_use]
    pub fn of(path: &str) -> Option<Reading> {
        let is_odd = |pair: &[u8]| matches!(pair, [b'%' | b'\\' | b';', _] | [b'/', b'/' | b'.']);
        let bytes = path.as_bytes();
        if !bytes.windows(2).any(is_odd) && !matches!(bytes.last(), Some(b'%' | b'\\' | b';')) {
            return None;
        }
        let decoded = decode(path);
        let (mut kept, mut has_dots) = (Vec::new(), false);
        for segment in decoded.split(['/', '\\']) {
            match segment.split(';').next().unwrap_or_default() {
                "" => {}
                "." => has_dots = true,
                ".." => {
                    has_dots = true;
                    kept.pop();
                }
                name => kept.push(name),
            }
        }
        Some(Reading { path: format!("/{}", kept.join("/")), has_dots })
    }
}

/// All escapes decoded, those of slashes too. What is no UTF-8 then is replaced.
fn decode(path: &str) -> String {
    let (bytes, mut decoded, mut at) = (path.as_bytes(), Vec::with_capacity(path.len()), 0);
    let digit = |at: usize| bytes.get(at).and_then(|byte| (*byte as char).to_digit(16));
    while let Some(&byte) = bytes.get(at) {
        let escaped = match (byte, digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => u8::try_from(high << 4 | low).ok(),
            _ => None,
        };
        decoded.push(escaped.unwrap_or(byte));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn other_readings() {
        for path in ["/", "/a/b", "/a.b/c.js", "/a/", "", "*"] {
            assert_eq!(Reading::of(path), None, "{path}");
        }
        for (path, read, has_dots) in [
            ("/a/../b", "/b", true),
            ("/a/./b", "/a/b", true),
            ("/a/..", "/", true),
            ("/../../b", "/b", true),
            ("/a/%2e%2E/b", "/b", true),
            ("/a/.%2e/b", "/b", true),
            ("/a%2f..%2fb", "/b", true),
            ("/a/..%5cb", "/b", true),
            ("/a\\..\\b", "/b", true),
            ("/a/..;x=1/b", "/b", true),
            ("/a;x/b", "/a/b", false),
            ("//b", "/b", false),
            ("/a//b/", "/a/b", false),
            ("/a%20b/%41", "/a b/A", false),
            ("/.hidden/..more", "/.hidden/..more", false),
            ("/a%", "/a%", false),
            ("/a%zz", "/a%zz", false),
            ("/%ff", "/\u{fffd}", false),
        ] {
            let reading = Reading { path: read.to_owned(), has_dots };
            assert_eq!(Reading::of(path), Some(reading), "{path}");
        }
    }

    proptest! {
        /// What is read has only one way to be read, unless an escape was escaped.
        #[test]
        fn a_reading_is_final(path in "(/|%2[eEfF]|%5c|[a-b.;\\\\/]){0,12}") {
            if let Some(Reading { path, .. }) = Reading::of(&path) {
                let again = Reading::of(&path).map_or(path.clone(), |reading| reading.path);
                prop_assert_eq!(again, path);
            }
        }
    }
}
