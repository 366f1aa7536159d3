//! How other programs may read a path.
//!
//! RFC 3986 lets a server take `/a/../b` for `/b`, and many take more than that for the same: `//b`, `/a/%2e%2e/b`,
//! `/a\..\b`, `/a;x/../b`. They differ in which of these they know, so one path may have many readings. Whoever
//! decides by the path must know all the routes that one of them leads to.

/// A path that has been decoded this many times must not change any more. Apps behind a second proxy may decode
/// twice; nobody has a reason for more.
const MOST_DECODED: usize = 3;

/// Where the readings of a path may lead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Anywhere. A segment is `.` or `..`, and how far it climbs depends on what else separates segments; or there
    /// is a NUL, where some programs stop. No browser sends such a path.
    Anywhere,
    /// Down one of several ways, as far as each program understands it.
    Down {
        /// The first segments, which all programs read alike.
        sure: usize,
        /// All segments, as the most generous programs read them that decode once, twice, and so on. What is a
        /// segment to other programs is one here too, or joins several of these.
        ways: Vec<Vec<String>>,
    },
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
        let mut rest = path.strip_prefix('/').unwrap_or(path);
        let mut sure = Vec::new();
        while !rest.is_empty() {
            let (segment, after) = rest.split_once('/').unwrap_or((rest, ""));
            let segment = decode(segment);
            if !is_plain(&segment) {
                break;
            }
            sure.push(segment);
            rest = after;
        }
        if rest.is_empty() {
            return None;
        }
        let (mut ways, mut rest) = (Vec::new(), decode(rest));
        for _ in 0..MOST_DECODED {
            let Some(segments) = segments(&rest) else { return Some(Reading::Anywhere) };
            ways.push(sure.iter().map(String::as_str).chain(segments).map(str::to_owned).collect());
            let again = decode(&rest);
            if again == rest {
                return Some(Reading::Down { sure: sure.len(), ways });
            }
            rest = again;
        }
        Some(Reading::Anywhere)
    }
}

/// Whether all programs take a decoded segment for the same.
fn is_plain(segment: &str) -> bool {
    !matches!(segment, "" | "." | "..") && !segment.contains(['/', '\\', ';', '?', '#', '%', '\0'])
}

/// The segments of a decoded path, without parameters and empty ones. `None`: it may lead anywhere.
fn segments(path: &str) -> Option<Vec<&str>> {
    let mut kept = Vec::new();
    for segment in path.split(['/', '\\']) {
        // A program that parses what it has decoded takes `?` for the end of the path.
        match segment.split([';', '?', '#']).next().unwrap_or_default() {
            "" => {}
            "." | ".." => return None,
            name if name.contains('\0') => return None,
            name => kept.push(name),
        }
    }
    (!path.contains('\0')).then_some(kept)
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
    fn one_reading() {
        for path in
            ["/", "/a/b", "/a.b/c.js", "/a/", "", "*", "/a%20b/%41", "/%ff/", "/.hidden/..x"]
        {
            assert_eq!(Reading::of(path), None, "{path}");
        }
    }

    #[test]
    fn dots_lead_anywhere() {
        for path in [
            "/a/../b",
            "/a/./b",
            "/a/..",
            "/../../b",
            "/a/%2e%2E/b",
            "/a/.%2e/b",
            "/a%2f..%2fb",
            "/a/..%5cb",
            "/a\\..\\b",
            "/a/..;x=1/b",
            "/a/..%3fx",
            "/a/%252e%252e/b",
            "/a/%25252e./b",
            "/a%252f../b",
            "/a%00",
            "/a;%00",
            "/a%2500b",
            "/%252525252541",
        ] {
            assert_eq!(Reading::of(path), Some(Reading::Anywhere), "{path}");
        }
    }

    #[test]
    fn others_lead_down() {
        for (path, is_sure, read) in [
            ("/a;x/b", 0, &["/a/b"][..]),
            ("//b", 0, &["/b"]),
            ("/a//b/", 1, &["/a/b"]),
            ("/%61/b%2fc", 1, &["/a/b/c"]),
            ("/a/b%3fc/d", 1, &["/a/b/d"]),
            ("/a/b%255cc%5cd", 1, &["/a/b%5cc/d", "/a/b/c/d"]),
            ("/a%", 0, &["/a%"]),
            ("/a%zz", 0, &["/a%zz"]),
        ] {
            let segments = |path: &str| path[1..].split('/').map(str::to_owned).collect();
            let ways = read.iter().copied().map(segments).collect();
            assert_eq!(Reading::of(path), Some(Reading::Down { sure: is_sure, ways }), "{path}");
        }
    }

    proptest! {
        /// Dots lead anywhere, in whatever spelling and between whatever separators.
        #[test]
        fn no_dots_are_overlooked(
            before in "[a-b/\\\\;]{0,5}",
            open in "(/|\\\\|%2f|%5C|%252f)",
            dots in "(\\.|%2e|%252E){1,2}",
            close in "(/|\\\\|%2F|%5c|;|%3f|%253b)?",
            after in "[a-b/\\\\;]{0,5}",
        ) {
            let after = if close.is_empty() { "" } else { &*after };
            let path = format!("/{before}{open}{dots}{close}{after}");
            prop_assert_eq!(Reading::of(&path), Some(Reading::Anywhere), "{}", path);
        }
    }
}
