//! A message without its numbers: what stays the same when a counter, a reference or a time in it
//! moves on.
//!
//! The skeleton of a message has one `0` for every run of ASCII digits, and every other byte as it
//! is. It is never kept, only digested: a rule can name what it never shows.

use ring::digest::{Context, SHA256};

/// The longest message that has a digest, in bytes.
pub const LONGEST: usize = 4096;

/// The SHA-256 of a skeleton.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The digest of a whole message's skeleton; `None` for one that is longer than [`LONGEST`].
    #[must_use]
    pub fn of(message: &[u8]) -> Option<Digest> {
        if message.len() > LONGEST {
            return None;
        }
        let mut context = Context::new(&SHA256);
        pieces(message, |piece| context.update(piece));
        context.finish().as_ref().try_into().ok().map(Digest)
    }

    /// Reads the 64 hexadecimal digits of a rule.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Digest> {
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        let nibble = |digit: u8| char::from(digit).to_digit(16).and_then(|n| u8::try_from(n).ok());
        let mut bytes = [0; 32];
        if pairs.len() != bytes.len() || !rest.is_empty() {
            return None;
        }
        for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
            *byte = nibble(*high)? << 4 | nibble(*low)?;
        }
        Some(Digest(bytes))
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A quick hash of the skeleton (FNV-1a), to tell two messages of one session apart. Who wants to can
/// make two that agree, so nothing may be allowed because of it.
#[must_use]
pub fn quick(message: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    pieces(message, |piece| {
        for byte in piece {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    });
    hash
}

/// Shows the skeleton piece by piece.
fn pieces(message: &[u8], mut show: impl FnMut(&[u8])) {
    let mut rest = message;
    while let Some(at) = rest.iter().position(u8::is_ascii_digit) {
        show(&rest[..at]);
        show(b"0");
        let run = rest[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        rest = &rest[at + run..];
    }
    show(rest);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn skeleton(message: &[u8]) -> Vec<u8> {
        let mut all = Vec::new();
        pieces(message, |piece| all.extend_from_slice(piece));
        all
    }

    #[test]
    fn numbers_are_taken_out() {
        for (message, bare) in [
            ("", ""),
            ("ping", "ping"),
            (r#"{"type":"ping","id":17}"#, r#"{"type":"ping","id":0}"#),
            ("2026-11-22T10:00:00.123Z", "0-0-0T0:0:0.0Z"),
            ("7", "0"),
            ("12ab034", "0ab0"),
        ] {
            assert_eq!(skeleton(message.as_bytes()), bare.as_bytes());
        }
    }

    /// The value that docs/packs.md shows, so that an operator can make one with `sha256sum`.
    #[test]
    fn the_digest_is_plain_sha_256() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let digest = Digest::of(b"").unwrap();
        assert_eq!(digest.to_string(), empty);
        assert_eq!(Digest::from_hex(empty), Some(digest));
        assert_eq!(Digest::of(b"beat 17"), Digest::of(b"beat 4"));
        assert_ne!(Digest::of(b"beat 17"), Digest::of(b"beat"));
        assert_eq!(Digest::of(&[b'a'; LONGEST + 1]), None);
        assert!(Digest::of(&[b'a'; LONGEST]).is_some());
        for wrong in ["", "e3", &empty[1..], &empty.replace('e', "g"), &empty.replace('e', "é")] {
            assert_eq!(Digest::from_hex(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn a_skeleton_is_its_own(message: Vec<u8>) {
            let bare = skeleton(&message);
            prop_assert_eq!(skeleton(&bare), bare.clone());
            prop_assert_eq!(quick(&bare), quick(&message));
            prop_assert_eq!(Digest::of(&bare), Digest::of(&message));
        }

        #[test]
        fn another_number_changes_nothing(a: u64, b: u64, text in "[^0-9]*") {
            let (one, other) = (format!("{text}{a}{text}"), format!("{text}{b}{text}"));
            prop_assert_eq!(Digest::of(one.as_bytes()), Digest::of(other.as_bytes()));
        }

        #[test]
        fn hex_survives(bytes: [u8; 32]) {
            prop_assert_eq!(Digest::from_hex(&Digest(bytes).to_string()), Some(Digest(bytes)));
        }
    }
}
