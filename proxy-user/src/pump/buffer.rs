//! Buffers lent for as long as bytes are on their way, so that a silent session holds none.

use std::cell::RefCell;
use std::ops::Range;

/// Size of one buffer: what one read takes at most.
pub(super) const BUFFER: usize = 64 * 1024;
/// Buffers that a thread keeps for the next reads; more are given back to the allocator.
const KEPT: usize = 4;

thread_local! {
    static FREE: RefCell<Vec<Box<[u8]>>> = const { RefCell::new(Vec::new()) };
}

/// A buffer of [`BUFFER`] bytes: some wait to be written, those behind them to be followed.
#[derive(Debug)]
pub(super) struct Lent {
    bytes: Box<[u8]>,
    waiting: Range<usize>,
    unfollowed: Range<usize>,
}

impl Lent {
    /// Takes a buffer from this thread's store, or a new one.
    pub(super) fn new() -> Lent {
        let kept = FREE.with_borrow_mut(Vec::pop);
        let bytes = kept.unwrap_or_else(|| vec![0; BUFFER].into());
        Lent { bytes, waiting: 0..0, unfollowed: 0..0 }
    }

    /// The whole buffer, to be read into.
    pub(super) fn space(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    /// The first `end` bytes have been read.
    pub(super) fn fill(&mut self, end: usize) {
        self.unfollowed = 0..end;
    }

    /// The bytes that wait to be written.
    pub(super) fn waiting(&self) -> &[u8] {
        &self.bytes[self.waiting.clone()]
    }

    /// The first `written` of the waiting bytes are gone.
    pub(super) fn advance(&mut self, written: usize) {
        self.waiting.start += written;
    }

    /// The bytes that have been read and not been followed.
    pub(super) fn unfollowed(&self) -> &[u8] {
        &self.bytes[self.unfollowed.clone()]
    }

    /// The first `size` unfollowed bytes are to be written; those before them have been.
    pub(super) fn pass(&mut self, size: usize) {
        let start = self.unfollowed.start;
        self.waiting = start..start + size;
        self.unfollowed.start += size;
    }

    /// The first `size` unfollowed bytes are for nobody.
    pub(super) fn skip(&mut self, size: usize) {
        self.unfollowed.start += size;
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        // While the thread ends its store is gone, and the buffer with it.
        let _ = FREE.try_with(|free| {
            let mut free = free.borrow_mut();
            if free.len() < KEPT {
                free.push(bytes);
            }
        });
    }
}
