//! A message without its numbers, or a request body without its ids: what stays the same when a counter, a
//! reference or a timestamp in it changes, or when the page is reloaded.
//!
//! A skeleton is never stored, only its digest: a rule can refer to a message without revealing it.

use ring::digest::{Context, SHA256};

/// The longest message that has a digest, in bytes.
pub const LONGEST: usize = 4096;

/// A word longer than this that contains a digit is taken for an id.
const NAME: usize = 8;

/// What is replaced, so that two messages of a kind look alike. All other bytes are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skeleton {
    /// Every run of ASCII digits becomes one `0`: messages of a connection number themselves.
    WithoutNumbers,
    /// Every word of more than 8 ASCII letters, digits, `-` and `_` that contains a digit becomes one `0`:
    /// sessions, references, times. Small numbers are kept, as they tell a timer from a button.
    WithoutIds,
}

/// The SHA-256 of a skeleton.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The digest of a whole message's skeleton; `None` if the message is longer than [`LONGEST`].
    #[must_use]
    pub fn of(skeleton: Skeleton, message: &[u8]) -> Option<Digest> {
        if message.len() > LONGEST {
            return None;
        }
        let mut context = Context::new(&SHA256);
        pieces(skeleton, message, |piece| context.update(piece));
        context.finish().as_ref().try_into().ok().map(Digest)
    }

    /// Parses the 64 hexadecimal digits in a rule.
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

/// A fast hash of the skeleton (FNV-1a), to compare messages within a session. Collisions are easy to
/// construct, so nothing may be permitted because of it.
#[must_use]
pub fn quick(skeleton: Skeleton, message: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    pieces(skeleton, message, |piece| {
        for byte in piece {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    });
    hash
}

/// Calls `show` with the skeleton piece by piece.
fn pieces(skeleton: Skeleton, message: &[u8], mut show: impl FnMut(&[u8])) {
    let of_word: fn(&u8) -> bool = match skeleton {
        Skeleton::WithoutNumbers => u8::is_ascii_digit,
        Skeleton::WithoutIds => |byte| byte.is_ascii_alphanumeric() || b"-_".contains(byte),
    };
    let mut rest = message;
    while let Some(at) = rest.iter().position(of_word) {
        let length = rest[at..].iter().take_while(|byte| of_word(byte)).count();
        let (before, word) = rest[..at + length].split_at(at);
        let out = skeleton == Skeleton::WithoutNumbers || is_id(word);
        show(before);
        show(if out { b"0" } else { word });
        rest = &rest[at + length..];
    }
    show(rest);
}

fn is_id(word: &[u8]) -> bool {
    word.len() > NAME && word.iter().any(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Skeleton::{WithoutIds, WithoutNumbers};
    use super::*;

    fn left(skeleton: Skeleton, message: &[u8]) -> Vec<u8> {
        let mut all = Vec::new();
        pieces(skeleton, message, |piece| all.extend_from_slice(piece));
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
            assert_eq!(left(WithoutNumbers, message.as_bytes()), bare.as_bytes());
        }
    }

    /// Gradio's POST from a timer and from a button, from two loads of its page.
    #[test]
    fn ids_are_taken_out() {
        let body = |trigger: u8, session: &str| {
            let body =
                format!(r#"{{"data":[],"trigger_id":{trigger},"session_hash":"{session}"}}"#);
            left(WithoutIds, body.as_bytes())
        };
        assert_eq!(body(2, "597hlvemepk"), br#"{"data":[],"trigger_id":2,"session_hash":"0"}"#);
        assert_eq!(body(2, "597hlvemepk"), body(2, "q8s2x1m4lm"));
        assert_ne!(body(2, "597hlvemepk"), body(8, "597hlvemepk"));
        assert_eq!(
            left(WithoutIds, "1795330279123 of step-1 é".as_bytes()),
            "0 of step-1 é".as_bytes()
        );
    }

    /// The value shown in docs/packs.md, so that an operator can compute one with `sha256sum`.
    #[test]
    fn the_digest_is_plain_sha_256() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let digest = Digest::of(WithoutNumbers, b"").unwrap();
        assert_eq!(digest.to_string(), empty);
        assert_eq!(Digest::from_hex(empty), Some(digest));
        assert_eq!(Digest::of(WithoutNumbers, b"beat 17"), Digest::of(WithoutNumbers, b"beat 4"));
        assert_ne!(Digest::of(WithoutNumbers, b"beat 17"), Digest::of(WithoutNumbers, b"beat"));
        assert_eq!(Digest::of(WithoutNumbers, &[b'a'; LONGEST + 1]), None);
        assert!(Digest::of(WithoutNumbers, &[b'a'; LONGEST]).is_some());
        for wrong in ["", "e3", &empty[1..], &empty.replace('e', "g"), &empty.replace('e', "é")] {
            assert_eq!(Digest::from_hex(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn a_skeleton_is_its_own(message: Vec<u8>) {
            for skeleton in [WithoutNumbers, WithoutIds] {
                let bare = left(skeleton, &message);
                prop_assert_eq!(left(skeleton, &bare), bare.clone());
                prop_assert_eq!(quick(skeleton, &bare), quick(skeleton, &message));
                prop_assert_eq!(Digest::of(skeleton, &bare), Digest::of(skeleton, &message));
            }
        }

        #[test]
        fn another_number_changes_nothing(a: u64, b: u64, text in "[^0-9]*") {
            let (one, other) = (format!("{text}{a}{text}"), format!("{text}{b}{text}"));
            prop_assert_eq!(Digest::of(WithoutNumbers, one.as_bytes()), Digest::of(WithoutNumbers, other.as_bytes()));
        }

        #[test]
        fn hex_survives(bytes: [u8; 32]) {
            prop_assert_eq!(Digest::from_hex(&Digest(bytes).to_string()), Some(Digest(bytes)));
        }
    }
}
