//! DEFLATE (RFC 1951) as permessage-deflate uses it: message by message, over a window that may stay
//! from one to the next (RFC 7692 section 7.2.2). Must not know what a frame is.

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::{
    TINFL_FLAG_HAS_MORE_INPUT, TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF,
};
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};

/// The reserved bits of a compressed message's first frame: RSV1 (RFC 7692 section 6).
pub(super) const RSV: u8 = 4;
/// What a sender takes off each message's end (RFC 7692 section 7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];
/// A window's first size in bytes; it doubles when it is full. Smaller ones slow the decoder down.
const FIRST: usize = 512;

/// The data break RFC 1951, or inflate to more than is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("compressed data that cannot be followed")]
pub(super) struct Unreadable;

/// What was inflated last, in a ring, or from the start until there is a ring's worth of it.
#[derive(Debug, Default)]
pub(super) struct Window {
    bytes: Vec<u8>,
    /// Where the next byte goes; at most 2^15.
    at: u16,
    /// All of `bytes` is history, the oldest at `at`.
    round: bool,
}

impl Window {
    /// Forgets everything but keeps the memory.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        (self.at, self.round) = (0, false);
    }

    /// Heap memory, in bytes.
    pub(super) fn held(&self) -> usize {
        self.bytes.capacity()
    }

    /// Sees to it that there is room for a byte; `size`: the most that must be remembered.
    fn make_room(&mut self, size: usize) {
        let full = self.bytes.len();
        if usize::from(self.at) < full {
            return;
        }
        if full < size {
            let grown = (full * 2).max(FIRST);
            self.bytes.reserve_exact(grown - full);
            self.bytes.resize(grown, 0);
        } else {
            (self.at, self.round) = (0, true);
        }
    }
}

/// The decoder of one message. Its tables are made for the first compressed one, and stay for others.
#[derive(Default)]
pub(super) struct Inflater {
    tables: Option<Box<DecompressorOxide>>,
    /// Nothing was read since the message's start or since a final block: RFC 7692 section 7.2.3.4.
    fresh: bool,
    /// Whoever takes the bytes wants no more of them.
    enough: bool,
}

impl Inflater {
    /// Begins a message. RFC 7692 section 7.2.1: each begins with a block, at the start of a byte.
    pub(super) fn start(&mut self) {
        self.tables.get_or_insert_default().init();
        (self.fresh, self.enough) = (true, false);
    }

    /// Heap memory, in bytes.
    pub(super) fn held(&self) -> usize {
        self.tables.as_ref().map_or(0, |_| size_of::<DecompressorOxide>())
    }

    /// Inflates `input` behind the last `size` bytes of `window`, which becomes part of it. `take` is
    /// shown what comes out, in pieces, and says whether it wants more.
    ///
    /// # Errors
    /// The data break RFC 1951, or refer to what is not in the window.
    pub(super) fn feed(
        &mut self,
        mut input: &[u8],
        window: &mut Window,
        size: usize,
        take: &mut impl FnMut(&[u8]) -> bool,
    ) -> Result<(), Unreadable> {
        let tables = self.tables.get_or_insert_default();
        if !input.is_empty() {
            self.fresh = false;
        }
        while !self.enough && !self.fresh {
            window.make_room(size);
            let ring = if window.round { 0 } else { TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF };
            let (at, flags) = (usize::from(window.at), TINFL_FLAG_HAS_MORE_INPUT | ring);
            let (status, read, made) = decompress(tables, input, &mut window.bytes, at, flags);
            input = input.get(read..).unwrap_or_default();
            window.at = u16::try_from(at + made).unwrap_or(u16::MAX);
            self.enough = !take(window.bytes.get(at..at + made).unwrap_or_default());
            match status {
                TINFLStatus::HasMoreOutput => {}
                TINFLStatus::NeedsMoreInput => break,
                TINFLStatus::Done => {
                    tables.init();
                    self.fresh = input.is_empty();
                }
                _ => return Err(Unreadable),
            }
        }
        Ok(())
    }

    /// Ends the message: what its sender took off comes back.
    ///
    /// # Errors
    /// As [`Inflater::feed`].
    pub(super) fn finish(
        &mut self,
        window: &mut Window,
        size: usize,
        take: &mut impl FnMut(&[u8]) -> bool,
    ) -> Result<(), Unreadable> {
        if self.fresh { Ok(()) } else { self.feed(&TAIL, window, size, take) }
    }
}

impl std::fmt::Debug for Inflater {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inflater").field("fresh", &self.fresh).finish_non_exhaustive()
    }
}
