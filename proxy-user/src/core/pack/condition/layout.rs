//! Fixed bytes at fixed offsets, with any bytes in between.

use super::result::MatchResult;
use crate::core::pack::first_bytes::FirstBytes;
use crate::core::payload::Payload;

/// Bytes, some of which are fixed.
#[derive(Clone, Debug)]
pub struct Layout {
    /// `None` = any byte.
    places: Box<[Option<u8>]>,
    /// More may follow.
    open: bool,
}

impl Layout {
    /// These bytes, `None` for any; `open`: more may follow.
    #[must_use]
    pub fn new(places: Vec<Option<u8>>, open: bool) -> Layout {
        Layout { places: places.into(), open }
    }

    /// The length of matching bytes; `None` = at least that of [`Layout::head`].
    pub(super) fn length(&self) -> Option<usize> {
        (!self.open).then_some(self.places.len())
    }

    /// How many bytes are checked.
    pub(super) fn head(&self) -> usize {
        self.places.len()
    }

    /// The possible first bytes.
    pub(super) fn first_bytes(&self) -> FirstBytes {
        match self.places.first() {
            Some(Some(byte)) => FirstBytes::of(&[*byte]),
            Some(None) => FirstBytes::ANY,
            None if self.open => FirstBytes::ANY,
            None => FirstBytes::NONE,
        }
    }

    pub(super) fn test(&self, payload: &Payload<'_>) -> MatchResult {
        let seen = payload.seen();
        let differs = |(at, place): (usize, &Option<u8>)| {
            place.zip(seen.at(at)).is_some_and(|(fixed, byte)| fixed != byte)
        };
        if self.places.iter().take(seen.len()).enumerate().any(differs) {
            return MatchResult::No;
        }
        let whole = payload.is_whole();
        match seen.len().cmp(&self.places.len()) {
            std::cmp::Ordering::Less if whole => MatchResult::No,
            std::cmp::Ordering::Less => MatchResult::NeedMore,
            _ if self.open => MatchResult::Yes,
            std::cmp::Ordering::Equal if whole => MatchResult::Yes,
            std::cmp::Ordering::Equal => MatchResult::NeedMore,
            std::cmp::Ordering::Greater => MatchResult::No,
        }
    }
}
