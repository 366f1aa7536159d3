//! Bytes at fixed places, any byte between them.

use super::super::firsts::Firsts;
use super::Fits;
use crate::core::payload::Payload;

/// Bytes of which some are fixed.
#[derive(Clone, Debug)]
pub struct Layout {
    /// `None` = any byte.
    places: Box<[Option<u8>]>,
    /// More may follow.
    open: bool,
}

impl Layout {
    /// These bytes, `None` for any; `open` = and any more behind them.
    #[must_use]
    pub fn new(places: Vec<Option<u8>>, open: bool) -> Layout {
        Layout { places: places.into(), open }
    }

    /// The length of what fits; `None` = at least that of [`Layout::head`].
    pub(super) fn length(&self) -> Option<usize> {
        (!self.open).then_some(self.places.len())
    }

    /// The bytes that are looked at.
    pub(super) fn head(&self) -> usize {
        self.places.len()
    }

    /// The bytes that what fits can start with.
    pub(super) fn firsts(&self) -> Firsts {
        match self.places.first() {
            Some(Some(byte)) => Firsts::of(&[*byte]),
            Some(None) => Firsts::ANY,
            None if self.open => Firsts::ANY,
            None => Firsts::NONE,
        }
    }

    pub(super) fn look(&self, payload: &Payload<'_>) -> Fits {
        let seen = payload.seen();
        let differs = |(at, place): (usize, &Option<u8>)| {
            place.zip(seen.at(at)).is_some_and(|(fixed, byte)| fixed != byte)
        };
        if self.places.iter().take(seen.len()).enumerate().any(differs) {
            return Fits::No;
        }
        let whole = payload.is_whole();
        match seen.len().cmp(&self.places.len()) {
            std::cmp::Ordering::Less if whole => Fits::No,
            std::cmp::Ordering::Less => Fits::Later,
            _ if self.open => Fits::Yes,
            std::cmp::Ordering::Equal if whole => Fits::Yes,
            std::cmp::Ordering::Equal => Fits::Later,
            std::cmp::Ordering::Greater => Fits::No,
        }
    }
}
