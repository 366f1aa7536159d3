//! Buffers that a direction has only while bytes are in flight, so that a silent session needs none.

use std::cell::RefCell;
use std::ops::Range;

/// Size of a buffer, and so the most that one read returns.
pub(super) const BUFFER: usize = 64 * 1024;
/// How many free buffers a thread keeps; more are returned to the allocator.
const KEPT: usize = 4;

thread_local! {
    #[allow(clippy::vec_box, reason = "directions hold the box itself, and it is moved around")]
    static FREE: RefCell<Vec<Box<PooledBuffer>>> = const { RefCell::new(Vec::new()) };
}

/// A buffer: first bytes that wait to be written, then bytes that have not been parsed.
#[derive(Debug)]
pub(super) struct PooledBuffer {
    bytes: Box<[u8]>,
    waiting: Range<usize>,
    unparsed: Range<usize>,
}

impl PooledBuffer {
    /// Takes a buffer of [`BUFFER`] bytes from this thread's pool, or allocates one.
    pub(super) fn take() -> Box<PooledBuffer> {
        let kept = FREE.try_with(|free| free.borrow_mut().pop()).ok().flatten();
        let mut buffer = kept.unwrap_or_else(|| PooledBuffer::of(vec![0; BUFFER].into()));
        (buffer.waiting, buffer.unparsed) = (0..0, 0..0);
        buffer
    }

    /// A buffer of unparsed bytes.
    pub(super) fn of(bytes: Box<[u8]>) -> Box<PooledBuffer> {
        let unparsed = 0..bytes.len();
        Box::new(PooledBuffer { bytes, waiting: 0..0, unparsed })
    }

    /// Returns it to the pool.
    pub(super) fn give_back(self: Box<PooledBuffer>) {
        if self.bytes.len() != BUFFER {
            return;
        }
        // While the thread is exiting, the pool is already gone; the buffer is then freed.
        let _ = FREE.try_with(|free| {
            let mut free = free.borrow_mut();
            if free.len() < KEPT {
                free.push(self);
            }
        });
    }

    /// The whole buffer, to read into.
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

    /// The first `written` of the waiting bytes have been written.
    pub(super) fn advance(&mut self, written: usize) {
        self.waiting.start += written;
    }

    /// The bytes that have been read but not parsed.
    pub(super) fn unparsed(&self) -> &[u8] {
        &self.bytes[self.unparsed.clone()]
    }

    /// Marks the first `size` unparsed bytes to be written. Everything before them must have been written.
    pub(super) fn pass(&mut self, size: usize) {
        let start = self.unparsed.start;
        self.waiting = start..start + size;
        self.unparsed.start += size;
    }

    /// Drops the first `size` unparsed bytes.
    pub(super) fn skip(&mut self, size: usize) {
        self.unparsed.start += size;
    }
}
