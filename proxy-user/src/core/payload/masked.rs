//! Masking (RFC 6455 section 5.3), and bytes that are read through their mask. Must not know where in a frame
//! they are.

/// Masks or unmasks `bytes`; the first one is combined with `key[0]`.
pub(in crate::core) fn apply(bytes: &mut [u8], key: [u8; 4]) {
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

/// The key rotated for the byte `passed` bytes further on.
pub(in crate::core) fn advance(mut key: [u8; 4], passed: usize) -> [u8; 4] {
    key.rotate_left(passed % 4);
    key
}

/// Bytes as on the wire, read without the mask that they may have.
#[derive(Clone, Copy, Debug)]
pub struct Masked<'a> {
    bytes: &'a [u8],
    /// The key, with the lowest eight bits for the first byte; 0 = not masked, or with a mask that changes
    /// nothing.
    key: u32,
}

impl<'a> Masked<'a> {
    /// Bytes whose first one is masked with `key[0]`; `None` = not masked.
    #[inline]
    #[must_use]
    pub fn new(bytes: &'a [u8], key: Option<[u8; 4]>) -> Masked<'a> {
        Masked { bytes, key: key.map_or(0, u32::from_le_bytes) }
    }

    /// How many bytes there are.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The byte at this index, unmasked.
    #[inline]
    #[must_use]
    pub fn at(&self, place: usize) -> Option<u8> {
        let [key, ..] = self.key_at(place).to_le_bytes();
        self.bytes.get(place).map(|byte| byte ^ key)
    }

    /// The key rotated for this index.
    #[inline]
    fn key_at(&self, place: usize) -> u32 {
        let [low, ..] = place.to_le_bytes();
        self.key.rotate_right(8 * u32::from(low % 4))
    }

    /// The eight bytes from this index on, unmasked.
    #[must_use]
    pub fn word(&self, place: usize) -> Option<[u8; 8]> {
        let word = self.bytes.get(place..)?.first_chunk::<8>()?;
        let key = u64::from(self.key_at(place));
        Some((u64::from_le_bytes(*word) ^ (key | key << 32)).to_le_bytes())
    }

    /// The bytes from `start` to `end` (exclusive), if there are that many.
    #[must_use]
    pub fn part(&self, start: usize, end: usize) -> Option<Masked<'a>> {
        let bytes = self.bytes.get(start..end)?;
        Some(Masked { bytes, key: self.key_at(start) })
    }

    /// Whether `plain` starts with these bytes.
    #[inline]
    #[must_use]
    pub fn begins(&self, plain: &[u8]) -> bool {
        plain.get(..self.bytes.len()).is_some_and(|head| self.same(head))
    }

    /// Whether these start with `plain`.
    #[inline]
    #[must_use]
    pub fn starts_with(&self, plain: &[u8]) -> bool {
        self.bytes.get(..plain.len()).is_some_and(|bytes| Masked { bytes, ..*self }.same(plain))
    }

    /// Whether these are equal to `plain`, which has the same length.
    #[inline]
    fn same(&self, plain: &[u8]) -> bool {
        let key = u64::from(self.key);
        let wide = key | key << 32;
        let (words, rest) = self.bytes.as_chunks::<8>();
        let (plain_words, plain_rest) = plain.as_chunks::<8>();
        let mut words = words.iter().zip(plain_words);
        let mut rest = rest.iter().zip(plain_rest).zip(wide.to_le_bytes());
        words.all(|(word, plain)| u64::from_le_bytes(*word) ^ wide == u64::from_le_bytes(*plain))
            && rest.all(|((byte, plain), key)| byte ^ key == *plain)
    }

    /// The bytes themselves, if they are not masked.
    #[inline]
    #[must_use]
    pub fn bare(&self) -> Option<&'a [u8]> {
        (self.key == 0).then_some(self.bytes)
    }

    /// Appends the unmasked bytes to `clear`.
    pub fn unmask_onto(&self, clear: &mut Vec<u8>) {
        let start = clear.len();
        clear.extend_from_slice(self.bytes);
        if let (Some(new), true) = (clear.get_mut(start..), self.key != 0) {
            apply(new, self.key.to_le_bytes());
        }
    }
}
