//! Who looks at the frames of one direction while they go by.

use crate::core::frame::{Chunk, Opcode};
use crate::core::heartbeat::Fate;
use crate::session::Counts;

/// Sees every frame of a direction, in order.
pub(super) trait FrameObserver {
    /// A run of bytes of one frame, with its payload as it stands on the wire. What it says counts
    /// only if the run is all of a message or of a control frame.
    fn chunk(&mut self, chunk: &Chunk, payload: &[u8]) -> Fate;

    /// The frames whose headers were among the bytes followed in one go. `message`: what the newest
    /// message is, text or binary.
    fn burst(&mut self, burst: Counts, message: Opcode);
}

/// Sees nothing: for a session that has ended.
pub(super) struct NoObserver;

impl FrameObserver for NoObserver {
    fn chunk(&mut self, _: &Chunk, _: &[u8]) -> Fate {
        Fate::Pass
    }

    fn burst(&mut self, _: Counts, _: Opcode) {}
}
