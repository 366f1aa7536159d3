//! Memory for a message's plain text, which a thread keeps from one message to the next.

use std::cell::Cell;

use super::Masked;

/// More is given back to the allocator, in bytes.
const KEPT: usize = 64 * 1024;

thread_local! {
    static FREE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

#[derive(Debug)]
pub(super) struct Scratch(Vec<u8>);

impl Scratch {
    /// The bytes without their mask.
    #[inline(never)]
    pub(super) fn of(seen: &Masked<'_>) -> Scratch {
        let mut clear = FREE.try_with(Cell::take).unwrap_or_default();
        clear.clear();
        seen.unmask_onto(&mut clear);
        Scratch(clear)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if self.0.capacity() <= KEPT {
            let clear = std::mem::take(&mut self.0);
            // While the thread ends its store is gone, and this with it.
            let _ = FREE.try_with(|free| free.set(clear));
        }
    }
}
