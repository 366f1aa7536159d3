//! Memory for the plain text of a message, which one message hands on to the next.

use std::cell::Cell;

use super::Masked;

/// More is given back to the allocator, in bytes.
const KEPT: usize = 64 * 1024;

/// Where such memory is kept between two messages.
#[derive(Default)]
pub struct Scratch(Cell<Vec<u8>>);

impl Scratch {
    /// The bytes without their mask.
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
