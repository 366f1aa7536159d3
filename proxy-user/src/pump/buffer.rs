//! Buffers that a direction has only while bytes are on their way, so that a silent session holds none.

use std::cell::RefCell;
use std::ops::Range;

/// Size of one buffer: what one read takes at most.
pub(super) const BUFFER: usize = 64 * 1024;
/// Buffers that a thread keeps for the next reads; more are given back to the allocator.
const KEPT: usize = 4;

thread_local! {
    #[allow(clippy::vec_box, reason = "a direction holds the box itself, as long as it needs it")]
    static FREE: RefCell<Vec<Box<PooledBuffer>>> = const { RefCell::new(Vec::new()) };
}

/// A buffer: some of its bytes wait to be written, those behind them to be followed.
#[derive(Debug)]
pub(super) struct PooledBuffer {
    bytes: Box<[u8]>,
    waiting: Range<usize>,
    unparsed: Range<usize>,
}

impl PooledBuffer {
    /// Takes a buffer of [`BUFFER`] bytes from this thread's store, or a new one.
    pub(super) fn take() -> Box<PooledBuffer> {
        let kept = FREE.try_with(|free| free.borrow_mut().pop()).ok().flatten();
        let mut buffer = kept.unwrap_or_else(|| PooledBuffer::of(vec![0; BUFFER].into()));
        (buffer.waiting, buffer.unparsed) = (0..0, 0..0);
        buffer
    }

    /// A buffer of bytes that are to be followed.
    pub(super) fn of(bytes: Box<[u8]>) -> Box<PooledBuffer> {
        let unparsed = 0..bytes.len();
        Box::new(PooledBuffer { bytes, waiting: 0..0, unparsed })
    }

    /// Keeps it for the next reads.
    pub(super) fn give_back(self: Box<PooledBuffer>) {
        if self.bytes.len() != BUFFER {
            return;
        }
        // While the thread ends its store is gone, and the buffer with it.
        let _ = FREE.try_with(|free| {
            let mut free = free.borrow_mut();
            if free.len() < KEPT {
                free.push(self);
            }
        });
    }

    /// The whole buffer, to be read into.
    pub(super) fn space(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    /// The first `end` bytes have been read.
    pub(super) fn fill(&mut self, end: usize) {
        self.unparsed = 0..end;
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
    pub(super) fn unparsed(&self) -> &[u8] {
        &self.bytes[self.unparsed.clone()]
    }

    /// The first `size` unparsed bytes are to be written; those before them have been.
    pub(super) fn pass(&mut self, size: usize) {
        let start = self.unparsed.start;
        self.waiting = start..start + size;
        self.unparsed.start += size;
    }

    /// The first `size` unparsed bytes are for nobody.
    pub(super) fn skip(&mut self, size: usize) {
        self.unparsed.start += size;
    }
}
