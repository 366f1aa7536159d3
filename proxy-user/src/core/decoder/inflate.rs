//! DEFLATE (RFC 1951) as permessage-deflate uses it: message by message, with a window that may persist
//! between them (RFC 7692 section 7.2.2). Must not know what a frame is.

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::{
    TINFL_FLAG_HAS_MORE_INPUT, TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF,
};
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};

/// The reserved bits of a compressed message's first frame: RSV1 (RFC 7692 section 6).
pub(super) const RSV: u8 = 4;
/// What a sender removes from the end of each message (RFC 7692 section 7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];
/// The initial size of a window in bytes; it doubles when full. A smaller one slows the decoder down.
const FIRST: usize = 512;

/// The data violate RFC 1951, or inflate to more than is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("compressed data that cannot be followed")]
pub(super) struct Unreadable;

/// The most recent output. Grows up to the window size, then is used as a ring.
#[derive(Debug, Default)]
pub(super) struct Window {
    bytes: Vec<u8>,
    /// Where the next byte goes; at most 2^15.
    at: u16,
    /// All of `bytes` is history, with the oldest byte at `at`.
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

    /// Makes room for a byte. `size`: how much must be remembered at most.
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

/// The decoder of one message at a time. Its tables are allocated for the first compressed message and
/// reused.
#[derive(Default)]
pub(super) struct Inflater {
    tables: Option<Box<DecompressorOxide>>,
    /// Nothing has been read since the start of the message or since a final block: RFC 7692 section 7.2.3.4.
    fresh: bool,
    /// The consumer wants no more bytes.
    enough: bool,
}

impl Inflater {
    /// Starts a message. RFC 7692 section 7.2.1: each one starts with a new block, on a byte boundary.
    pub(super) fn start(&mut self) {
        self.tables.get_or_insert_default().init();
        (self.fresh, self.enough) = (true, false);
    }

    /// Heap memory, in bytes.
    pub(super) fn held(&self) -> usize {
        self.tables.as_ref().map_or(0, |_| size_of::<DecompressorOxide>())
    }

    /// Inflates `input`, which may refer to the last `size` bytes of `window`; the output is appended to
    /// `window`. `take` is called with the output in pieces, and returns whether it wants more.
    ///
    /// # Errors
    /// The data violate RFC 1951, or refer to something outside the window.
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

    /// Ends the message, by adding what its sender removed.
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
