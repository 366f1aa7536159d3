//! Bytes at fixed places, any byte between them.

use super::Fits;

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

    pub(super) fn look(&self, bytes: &[u8], whole: bool) -> Fits {
        let pairs = self.places.iter().zip(bytes);
        if pairs.into_iter().any(|(place, byte)| place.is_some_and(|fixed| fixed != *byte)) {
            return Fits::No;
        }
        match bytes.len().cmp(&self.places.len()) {
            std::cmp::Ordering::Less if whole => Fits::No,
            std::cmp::Ordering::Less => Fits::Later,
            _ if self.open => Fits::Yes,
            std::cmp::Ordering::Equal if whole => Fits::Yes,
            std::cmp::Ordering::Equal => Fits::Later,
            std::cmp::Ordering::Greater => Fits::No,
        }
    }
}
