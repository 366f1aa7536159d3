//! Memory shared by the decoders of one thread, so that a message that comes in one piece costs no
//! allocation.

use std::cell::RefCell;

use super::partial::PartialMessage;
use crate::core::payload::Scratch;

/// Partial messages kept for reuse.
const KEPT: usize = 4;

/// Memory shared by the decoders of one thread.
#[derive(Debug, Default)]
pub struct Workspace {
    /// For the plain text of masked messages.
    pub(super) scratch: Scratch,
    #[allow(clippy::vec_box, reason = "decoders hold the box itself, and it is moved around")]
    partials: RefCell<Vec<Box<PartialMessage>>>,
}

impl Workspace {
    pub(super) fn take(&self) -> Option<Box<PartialMessage>> {
        self.partials.borrow_mut().pop()
    }

    /// Keeps a partial message for reuse.
    pub(super) fn keep(&self, partial: Box<PartialMessage>) {
        let mut partials = self.partials.borrow_mut();
        if partials.len() < KEPT && partial.is_small() {
            partials.push(partial);
        }
    }
}
