//! A message's payload as far as it has come: where it lies, as it stands on the wire, and what is
//! known of its length. Says nothing of what it means.
//!
//! Most judges look at a few bytes. Those are read through the mask; who needs a slice of plain text
//! has it made once for a message, in memory that the thread keeps.

mod masked;
mod scratch;

use std::cell::OnceCell;

pub use self::masked::Masked;
pub(super) use self::masked::{advance, apply};
use self::scratch::Scratch;

/// A message or its first bytes.
#[derive(Debug)]
pub struct Payload<'a> {
    seen: Masked<'a>,
    /// The message has at least so many bytes.
    least: u64,
    /// And no more.
    ends: bool,
    clear: OnceCell<Scratch>,
}

impl<'a> Payload<'a> {
    /// What was seen of a message that has at least `least` bytes; `ends`: and no more.
    #[inline]
    #[must_use]
    pub fn new(seen: Masked<'a>, least: u64, ends: bool) -> Payload<'a> {
        let least = least.max(seen.len() as u64);
        Payload { seen, least, ends, clear: OnceCell::new() }
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

    /// What was seen, unmasked when this is first called.
    #[must_use]
    pub fn plain(&self) -> &[u8] {
        match self.seen.bare() {
            Some(bytes) => bytes,
            None => self.clear.get_or_init(|| Scratch::of(&self.seen)).bytes(),
        }
    }
}

#[cfg(test)]
mod tests;
