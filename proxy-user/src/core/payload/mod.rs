//! The payload of a message as far as it has arrived, in place as on the wire, and what is known of its
//! length. Does not know what it means.
//!
//! Most judges look at a few bytes and read them through the mask. A judge that needs plain text has it
//! unmasked once per message, into memory that may be borrowed.

mod masked;
mod scratch;

use std::cell::OnceCell;

pub use self::masked::Masked;
pub(super) use self::masked::{advance, apply};
pub use self::scratch::Scratch;

/// A message or its first bytes.
#[derive(Debug)]
pub struct Payload<'a> {
    seen: Masked<'a>,
    /// The minimum length of the message in bytes.
    least: u64,
    /// Whether that is its exact length.
    ends: bool,
    scratch: Option<&'a Scratch>,
    clear: OnceCell<Vec<u8>>,
}

impl<'a> Payload<'a> {
    /// The bytes seen of a message of at least `least` bytes; `ends`: exactly that many.
    #[inline]
    #[must_use]
    pub fn new(seen: Masked<'a>, least: u64, ends: bool) -> Payload<'a> {
        let least = least.max(seen.len() as u64);
        Payload { seen, least, ends, scratch: None, clear: OnceCell::new() }
    }

    /// Uses this memory for the plain text, returned by [`Payload::give_back`]; `None` = allocate.
    #[inline]
    #[must_use]
    pub fn with_scratch(self, scratch: Option<&'a Scratch>) -> Payload<'a> {
        Payload { scratch, ..self }
    }

    /// The borrowed memory.
    #[must_use]
    pub fn scratch(&self) -> Option<&'a Scratch> {
        self.scratch
    }

    /// A whole message in plain bytes.
    #[must_use]
    pub fn whole(bytes: &'a [u8]) -> Payload<'a> {
        Payload::new(Masked::new(bytes, None), 0, true)
    }

    /// The first bytes of a message, in plain bytes. More may follow.
    #[must_use]
    pub fn head(bytes: &'a [u8]) -> Payload<'a> {
        Payload::new(Masked::new(bytes, None), 0, false)
    }

    /// The bytes seen.
    #[inline]
    #[must_use]
    pub fn seen(&self) -> &Masked<'a> {
        &self.seen
    }

    /// Whether all of it was seen.
    #[inline]
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.ends && self.least == self.seen.len() as u64
    }

    /// The minimum length of the message in bytes.
    #[inline]
    #[must_use]
    pub fn least(&self) -> u64 {
        self.least
    }

    /// The length of the message in bytes, if known.
    #[inline]
    #[must_use]
    pub fn length(&self) -> Option<u64> {
        self.ends.then_some(self.least)
    }

    /// Returns the borrowed memory.
    #[inline]
    pub fn give_back(self) {
        if let (Some(scratch), Some(bytes)) = (self.scratch, self.clear.into_inner()) {
            scratch.keep(bytes);
        }
    }

    /// The bytes seen, unmasked on the first call.
    #[must_use]
    pub fn plain(&self) -> &[u8] {
        match self.seen.bare() {
            Some(bytes) => bytes,
            None => self.clear.get_or_init(|| match self.scratch {
                Some(scratch) => scratch.unmask(&self.seen),
                None => Scratch::default().unmask(&self.seen),
            }),
        }
    }
}

#[cfg(test)]
mod tests;
