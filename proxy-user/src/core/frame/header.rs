//! One frame header (RFC 6455 section 5.2). Must not know about earlier frames.

use super::Violation;

/// The longest header: two bytes, a 64-bit length and a masking key.
pub const MAX_HEADER: usize = 14;
/// The longest payload of a control frame (RFC 6455 section 5.5).
const MAX_CONTROL: u64 = 125;

/// The type of a frame (RFC 6455 section 11.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[allow(missing_docs, reason = "RFC 6455 names them")]
pub enum Opcode {
    Continuation = 0,
    Text = 1,
    Binary = 2,
    Close = 8,
    Ping = 9,
    Pong = 10,
}

impl Opcode {
    /// Whether this is Close, ping or pong, which are about the connection and may come between the fragments
    /// of a message.
    #[must_use]
    pub fn is_control(self) -> bool {
        self as u8 >= 8
    }

    fn from_nibble(nibble: u8) -> Result<Opcode, Violation> {
        Ok(match nibble {
            0 => Opcode::Continuation,
            1 => Opcode::Text,
            2 => Opcode::Binary,
            8 => Opcode::Close,
            9 => Opcode::Ping,
            10 => Opcode::Pong,
            other => return Err(Violation::UnknownOpcode(other)),
        })
    }
}

/// The first two bytes of a header: enough to detect most violations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    /// Last frame of its message.
    pub fin: bool,
    /// RSV1, RSV2 and RSV3 as the bits 4, 2 and 1.
    pub rsv: u8,
    /// The type of the frame.
    pub opcode: Opcode,
    /// A masking key follows the length.
    pub masked: bool,
    /// The 7-bit length; 126 and 127 mean that a longer field follows.
    short: u8,
}

/// A complete frame header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Its first two bytes.
    pub start: Start,
    /// Masking key; `None` = not masked.
    pub mask: Option<[u8; 4]>,
    /// Payload length in bytes, below 2^63.
    pub length: u64,
    /// Length of the header itself in bytes, 2 to [`MAX_HEADER`].
    pub size: usize,
}

impl Start {
    /// Decodes the first two of `bytes`, or returns `None` if there are fewer. Consumes nothing.
    ///
    /// # Errors
    /// An opcode that RFC 6455 does not define, or a control frame that is fragmented or too long.
    #[inline]
    pub fn decode(bytes: &[u8]) -> Result<Option<Start>, Violation> {
        let &[first, second, ..] = bytes else { return Ok(None) };
        let opcode = Opcode::from_nibble(first & 0x0f)?;
        let (fin, short) = (first & 0x80 != 0, second & 0x7f);
        if opcode.is_control() && !fin {
            return Err(Violation::FragmentedControl(opcode));
        }
        if opcode.is_control() && u64::from(short) > MAX_CONTROL {
            return Err(Violation::LongControl(opcode));
        }
        // RFC 6455 section 5.5.1: a Close has no body, or one that starts with a two-byte code.
        if opcode == Opcode::Close && short == 1 {
            return Err(Violation::ShortClose);
        }
        Ok(Some(Start { fin, rsv: (first >> 4) & 7, opcode, masked: second & 0x80 != 0, short }))
    }

    /// Decodes the rest of the header at the start of `bytes`, or returns `None` if it is incomplete.
    /// Consumes nothing: call again with the same bytes and more after them.
    ///
    /// # Errors
    /// A length that RFC 6455 forbids, as soon as the bytes seen so far prove it.
    #[inline]
    pub fn complete(self, bytes: &[u8]) -> Result<Option<Header>, Violation> {
        let Some((length, end)) = decode_length(self.short, bytes)? else { return Ok(None) };
        let size = end + if self.masked { 4 } else { 0 };
        let Some(key) = bytes.get(end..size) else { return Ok(None) };
        Ok(Some(Header { start: self, mask: key.try_into().ok(), length, size }))
    }
}

/// The payload length, and the end of its field.
fn decode_length(short: u8, bytes: &[u8]) -> Result<Option<(u64, usize)>, Violation> {
    let (length, end, least) = match short {
        126 => match bytes.get(2..4) {
            Some(&[high, low]) => (u64::from(u16::from_be_bytes([high, low])), 4, 126),
            _ => return Ok(None),
        },
        127 => {
            if bytes.get(2).is_some_and(|high| high & 0x80 != 0) {
                return Err(Violation::LengthTopBit);
            }
            match bytes.get(2..10).and_then(|wide| <[u8; 8]>::try_from(wide).ok()) {
                Some(wide) => (u64::from_be_bytes(wide), 10, 0x1_0000),
                None => return Ok(None),
            }
        }
        short => return Ok(Some((u64::from(short), 2))),
    };
    // RFC 6455 section 5.2: "the minimal number of bytes MUST be used to encode the length".
    if length < least {
        return Err(Violation::LongLength(length));
    }
    Ok(Some((length, end)))
}
