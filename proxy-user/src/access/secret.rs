//! A key that only this process knows.

use ring::error::Unspecified;
use ring::hmac::{Context, HMAC_SHA256, Key};
use ring::rand::SystemRandom;

use crate::core::access::remembered::Digest;

/// Makes digests of passwords and questions, so that they need not be kept.
#[derive(Debug)]
pub(super) struct Secret(Key);

impl Secret {
    pub(super) fn new() -> Result<Secret, Unspecified> {
        Key::generate(HMAC_SHA256, &SystemRandom::new()).map(Secret)
    }

    /// The digest of several parts, each with its length, so that different lists of parts
    /// never look the same.
    pub(super) fn digest<'a>(&self, parts: impl IntoIterator<Item = &'a [u8]>) -> Digest {
        let mut context = Context::with_key(&self.0);
        for part in parts {
            context.update(&part.len().to_be_bytes());
            context.update(part);
        }
        let mut digest = Digest::default();
        // A tag of HMAC-SHA-256 has the same number of bytes.
        digest.copy_from_slice(context.sign().as_ref());
        digest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_parts_have_another_digest() {
        let secret = Secret::new().unwrap();
        let digest = |parts: &[&[u8]]| secret.digest(parts.iter().copied());
        assert_eq!(digest(&[b"ab", b"c"]), digest(&[b"ab", b"c"]));
        for other in [&[&b"a"[..], b"bc"][..], &[b"abc"], &[b"ab", b"c", b""]] {
            assert_ne!(digest(&[b"ab", b"c"]), digest(other));
        }
        assert_ne!(Secret::new().unwrap().digest([&b"a"[..]]), secret.digest([&b"a"[..]]));
    }
}
