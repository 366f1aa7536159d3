//! A buffer for the plain text of a message, reused from message to message.

use std::cell::Cell;

use super::Masked;

/// A buffer larger than this, in bytes, is freed rather than kept.
const KEPT: usize = 64 * 1024;

/// Keeps the buffer between two messages.
#[derive(Default)]
pub struct Scratch(Cell<Vec<u8>>);

impl Scratch {
    /// The bytes, unmasked.
    #[inline(never)]
    pub(super) fn unmask(&self, seen: &Masked<'_>) -> Vec<u8> {
        let mut bytes = self.0.take();
        bytes.clear();
        seen.unmask_onto(&mut bytes);
        bytes
    }

    pub(super) fn keep(&self, bytes: Vec<u8>) {
        if bytes.capacity() <= KEPT {
            self.0.set(bytes);
        }
    }
}

impl std::fmt::Debug for Scratch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scratch").finish_non_exhaustive()
    }
}
