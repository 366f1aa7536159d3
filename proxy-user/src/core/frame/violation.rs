//! The ways in which a peer can violate RFC 6455, and the Close code for each.

use super::Opcode;

/// Why a frame cannot be accepted. The session ends with [`Violation::close_code`] on both legs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// RFC 6455 section 5.1: a client must mask every frame.
    #[error("client frame is not masked")]
    Unmasked,
    /// RFC 6455 section 5.1: a server must not mask any frame.
    #[error("server frame is masked")]
    Masked,
    /// RFC 6455 section 5.2: opcodes 3-7 and 11-15 are reserved.
    #[error("unknown opcode {0}")]
    UnknownOpcode(u8),
    /// RFC 6455 section 5.2: a reserved bit without an extension that gives it a meaning.
    #[error("reserved bits {0:03b} without an extension")]
    ReservedBits(u8),
    /// RFC 6455 section 5.5: control frames must not be fragmented.
    #[error("fragmented {0:?}")]
    FragmentedControl(Opcode),
    /// RFC 6455 section 5.5: at most 125 bytes.
    #[error("{0:?} longer than 125 bytes")]
    LongControl(Opcode),
    /// RFC 6455 section 5.5.1: a Close body starts with a two-byte code.
    #[error("Close with a body of one byte")]
    ShortClose,
    /// RFC 6455 section 5.2: the most significant bit of a 64-bit length must be 0.
    #[error("64-bit length with its top bit set")]
    LengthTopBit,
    /// RFC 6455 section 5.2: lengths use the fewest bytes.
    #[error("length {0} is written in more bytes than it needs")]
    LongLength(u64),
    /// RFC 6455 section 5.4: a continuation without a message to continue.
    #[error("continuation of no message")]
    OrphanContinuation,
    /// RFC 6455 section 5.4: fragments of one message must not be interleaved with another.
    #[error("new message inside a fragmented one")]
    InterleavedMessage,
    /// The configured `limits.frame_bytes`.
    #[error("frame of {length} bytes, {limit} allowed")]
    TooBig {
        /// The payload length in the header.
        length: u64,
        /// The limit in bytes.
        limit: u64,
    },
}

impl Violation {
    /// Close code for both legs (RFC 6455 section 7.4.1).
    #[must_use]
    pub fn close_code(self) -> u16 {
        match self {
            Violation::TooBig { .. } => 1009,
            _ => 1002,
        }
    }
}
