//! A message's payload as far as it has come: where it lies, as it stands on the wire, and what is
//! known of its length. Says nothing of what it means.
//!
//! Most judges look at a few bytes. Those are read through the mask; who needs a slice of plain text
//! has it made once for a message, in memory that may be lent for it.

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
    /// The message has at least so many bytes.
    least: u64,
    /// And no more.
    ends: bool,
    scratch: Option<&'a Scratch>,
    clear: OnceCell<Vec<u8>>,
}

impl<'a> Payload<'a> {
    /// What was seen of a message that has at least `least` bytes; `ends`: and no more.
    #[inline]
    #[must_use]
    pub fn new(seen: Masked<'a>, least: u64, ends: bool) -> Payload<'a> {
        let least = least.max(seen.len() as u64);
        Payload { seen, least, ends, scratch: None, clear: OnceCell::new() }
    }

    /// The same with memory for its plain text, to be given back by [`Payload::give_back`]; `None` = of
    /// its own.
    #[inline]
    #[must_use]
    pub fn with_scratch(self, scratch: Option<&'a Scratch>) -> Payload<'a> {
        Payload { scratch, ..self }
    }

    /// The memory that was lent.
    #[must_use]
    pub fn scratch(&self) -> Option<&'a Scratch> {
        self.scratch
    }

    /// All of a message, in plain bytes.
    #[must_use]
    pub fn whole(bytes: &'a [u8]) -> Payload<'a> {
        Payload::new(Masked::new(bytes, None), 0, true)
    }

    /// The first bytes of a message, in plain bytes. More may follow.
    #[must_use]
    pub fn head(bytes: &'a [u8]) -> Payload<'a> {
        Payload::new(Masked::new(bytes, None), 0, false)
    }

    /// What was seen.
    #[inline]
    #[must_use]
    pub fn seen(&self) -> &Masked<'a> {
        &self.seen
    }

    /// All of it was seen.
    #[inline]
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.ends && self.least == self.seen.len() as u64
    }

    /// The message has at least so many bytes.
    #[inline]
    #[must_use]
    pub fn least(&self) -> u64 {
        self.least
    }

    /// How many bytes the message has, if that is known.
    #[inline]
    #[must_use]
    pub fn length(&self) -> Option<u64> {
        self.ends.then_some(self.least)
    }

    /// Gives the memory back that was lent.
    #[inline]
    pub fn give_back(self) {
        if let (Some(scratch), Some(bytes)) = (self.scratch, self.clear.into_inner()) {
            scratch.keep(bytes);
        }
    }

    /// What was seen, unmasked when this is first called.
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
