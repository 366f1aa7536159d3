//! Observers of the frames of one direction.

use crate::core::frame::{Chunk, Opcode};
use crate::core::heartbeat::Fate;
use crate::session::Counts;

/// Sees every frame of a direction, in order.
pub(super) trait FrameObserver {
    /// A run of bytes of one frame, with its payload as on the wire. The returned fate only matters if the
    /// run is a whole message or a whole control frame.
    fn chunk(&mut self, chunk: &Chunk, payload: &[u8]) -> Fate;

    /// Counts of the frames whose headers were parsed in one go. `message`: whether the newest message is
    /// text or binary.
    fn burst(&mut self, burst: Counts, message: Opcode);
}

/// Ignores everything: for a session that has ended.
pub(super) struct NoObserver;

impl FrameObserver for NoObserver {
    fn chunk(&mut self, _: &Chunk, _: &[u8]) -> Fate {
        Fate::Pass
    }

    fn burst(&mut self, _: Counts, _: Opcode) {}
}
