//! The masking of RFC 6455 section 5.3. Must not know where in a frame it is.

/// Masks or unmasks `bytes`, of which the first belongs to `key[0]`.
pub(super) fn apply(bytes: &mut [u8], key: [u8; 4]) {
    let [a, b, c, d] = key;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, rest) = bytes.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip([a, b, c, d, a, b, c]) {
        *byte ^= key;
    }
}

/// The key as it stands for the byte that is `passed` bytes further on.
pub(super) fn advance(mut key: [u8; 4], passed: usize) -> [u8; 4] {
    key.rotate_left(passed % 4);
    key
}
