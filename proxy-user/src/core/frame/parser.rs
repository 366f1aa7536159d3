//! Parser for the frames of one direction of a connection (RFC 6455 section 5).
//!
//! Feed it the bytes in order, split in any way. It stores no bytes and allocates nothing: payload is skipped
//! with a counter, and an incomplete header stays with the caller, who passes it again with more bytes after
//! it. The same applies to an incomplete frame that is no longer than the longest header, so such a frame is
//! always seen whole, and can be removed or answered.

use super::{Header, MAX_HEADER, Opcode, Start, Violation};

/// RSV1 as a reserved bit, used by permessage-deflate.
const DEFLATE: u8 = 4;

/// Rules for every frame of one direction.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// The frames come from a client, so each must be masked; otherwise none may be.
    pub masked: bool,
    /// Reserved bits that the negotiated extensions may set on data frames (4 = RSV1, 2, 1).
    pub rsv: u8,
    /// Largest payload of one frame in bytes; `u64::MAX` = no limit.
    pub max_frame: u64,
}

/// A run of bytes that belong to one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// The header, if these bytes start the frame.
    pub header: Option<Header>,
    /// Bytes of input covered, header and payload.
    pub size: usize,
    /// The frame ends with these bytes.
    pub ends: bool,
}

/// The parser's whole state.
#[derive(Clone, Debug)]
pub struct Parser {
    masked: bool,
    rsv: u8,
    /// Inside a fragmented message: only continuations and control frames are allowed.
    fragmented: bool,
    /// Type of the newest message.
    opcode: Opcode,
    /// A Close has been seen.
    closed: bool,
    max_frame: u64,
    /// Payload bytes of the current frame that are still to come.
    remaining: u64,
}

const _: () = assert!(size_of::<Parser>() <= 24, "there are two for each session");

impl Parser {
    /// A parser at the start of a connection.
    #[must_use]
    pub fn new(rules: Rules) -> Parser {
        let Rules { masked, rsv, max_frame } = rules;
        let (fragmented, opcode, closed) = (false, Opcode::Text, false);
        Parser { masked, rsv, fragmented, opcode, closed, max_frame, remaining: 0 }
    }

    /// Whether the parser is between two frames, the only place where another frame can be inserted.
    #[must_use]
    pub fn at_boundary(&self) -> bool {
        self.remaining == 0
    }

    /// Whether a fragmented message is incomplete: only a control frame can be inserted.
    #[must_use]
    pub fn in_message(&self) -> bool {
        self.fragmented
    }

    /// The type of the newest message, text or binary; text before the first.
    #[must_use]
    pub fn message(&self) -> Opcode {
        self.opcode
    }

    /// Whether the header of a Close frame has been seen. Whatever follows that frame is to be ignored (RFC
    /// 6455 section 1.4).
    #[must_use]
    pub fn closed(&self) -> bool {
        self.closed
    }

    /// The next run of bytes of one frame, or `None` if `bytes` hold only the start of a header, or of a
    /// frame of at most [`MAX_HEADER`] bytes.
    ///
    /// # Errors
    /// The bytes violate RFC 6455 or the rules. The bytes covered by earlier chunks stay valid; the parser
    /// must not be used any more.
    #[inline]
    pub fn next(&mut self, bytes: &[u8]) -> Result<Option<Chunk>, Violation> {
        if self.remaining > 0 {
            let size = bytes.len().min(usize::try_from(self.remaining).unwrap_or(usize::MAX));
            if size == 0 {
                return Ok(None);
            }
            self.remaining -= size as u64;
            return Ok(Some(Chunk { header: None, size, ends: self.remaining == 0 }));
        }
        // Checked after two bytes, so that a peer cannot make us wait for the rest of a header that is
        // invalid anyway.
        let Some(start) = Start::decode(bytes)? else { return Ok(None) };
        self.check(start)?;
        let Some(header) = start.complete(bytes)? else { return Ok(None) };
        if header.length > self.max_frame {
            return Err(Violation::TooBig { length: header.length, limit: self.max_frame });
        }
        let payload = (bytes.len() - header.size) as u64;
        let taken = payload.min(header.length);
        if taken < header.length && header.length <= (MAX_HEADER - header.size) as u64 {
            return Ok(None);
        }
        match start.opcode {
            Opcode::Close => self.closed = true,
            Opcode::Ping | Opcode::Pong => {}
            Opcode::Continuation => self.fragmented = !start.fin,
            opcode => (self.fragmented, self.opcode) = (!start.fin, opcode),
        }
        self.remaining = header.length - taken;
        // `taken` is no more than `bytes.len()`, so it fits.
        let size = header.size + usize::try_from(taken).unwrap_or(usize::MAX);
        Ok(Some(Chunk { header: Some(header), size, ends: self.remaining == 0 }))
    }

    fn check(&self, start: Start) -> Result<(), Violation> {
        match (start.masked, self.masked) {
            (false, true) => return Err(Violation::Unmasked),
            (true, false) => return Err(Violation::Masked),
            _ => {}
        }
        let allowed = match start.opcode {
            opcode if opcode.is_control() => 0,
            // RFC 7692 section 6.1: RSV1 may only be set on the first frame of a message.
            Opcode::Continuation if self.rsv == DEFLATE => 0,
            _ => self.rsv,
        };
        if start.rsv & !allowed != 0 {
            return Err(Violation::ReservedBits(start.rsv));
        }
        match start.opcode {
            Opcode::Continuation if !self.fragmented => Err(Violation::OrphanContinuation),
            Opcode::Text | Opcode::Binary if self.fragmented => Err(Violation::InterleavedMessage),
            _ => Ok(()),
        }
    }
}
