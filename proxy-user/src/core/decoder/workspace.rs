//! Memory that the decoders of one thread share, so that a message which comes in one piece costs no
//! allocation.

use std::cell::RefCell;

use super::partial::PartialMessage;
use crate::core::payload::Scratch;

/// Partial messages that are kept for the next ones.
const KEPT: usize = 4;

/// What the decoders of one thread lend each other.
#[derive(Debug, Default)]
pub struct Workspace {
    /// For the plain text of masked messages.
    pub(super) scratch: Scratch,
    #[allow(clippy::vec_box, reason = "a decoder holds the box itself, as long as it needs it")]
    partials: RefCell<Vec<Box<PartialMessage>>>,
}

impl Workspace {
    pub(super) fn take(&self) -> Option<Box<PartialMessage>> {
        self.partials.borrow_mut().pop()
    }

    /// Keeps one for another message.
    pub(super) fn keep(&self, partial: Box<PartialMessage>) {
        let mut partials = self.partials.borrow_mut();
        if partials.len() < KEPT && partial.is_small() {
            partials.push(partial);
        }
    }
}
