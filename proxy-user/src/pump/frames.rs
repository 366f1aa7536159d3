//! The frames of one direction, across reads: parses complete chunks and keeps the start of an incomplete
//! header.

use crate::core::frame::{Chunk, MAX_HEADER, Opcode, Parser, Rules, Violation};

/// A parser, and the bytes that it cannot parse yet.
#[derive(Debug)]
pub(super) struct Frames {
    parser: Parser,
    /// The start of a header, or of a frame no longer than a header, that is still incomplete.
    kept: [u8; MAX_HEADER],
    size: u8,
    /// The stream violates RFC 6455 and is no longer parsed.
    invalid: bool,
}

impl Frames {
    pub(super) fn new(rules: Rules) -> Frames {
        Frames { parser: Parser::new(rules), kept: [0; MAX_HEADER], size: 0, invalid: false }
    }

    /// Whether the parser is between two frames.
    pub(super) fn at_boundary(&self) -> bool {
        self.parser.at_boundary()
    }

    /// Whether a fragmented message is incomplete.
    pub(super) fn in_message(&self) -> bool {
        self.parser.in_message()
    }

    /// Whether the newest message is text or binary.
    pub(super) fn message(&self) -> Opcode {
        self.parser.message()
    }

    /// Whether a Close frame has been seen.
    pub(super) fn closed(&self) -> bool {
        self.parser.closed()
    }

    /// Whether the stream can no longer be parsed.
    pub(super) fn invalid(&self) -> bool {
        self.invalid
    }

    /// Bytes to put before those that are read next.
    pub(super) fn kept(&self) -> &[u8] {
        &self.kept[..usize::from(self.size)]
    }

    /// The kept bytes have been put before what was read.
    pub(super) fn joined(&mut self) {
        self.size = 0;
    }

    /// The next run of bytes of one frame. `None`: `bytes` is incomplete, and all of it has been kept.
    ///
    /// # Errors
    /// The bytes violate RFC 6455. Nothing after them may be parsed.
    #[inline]
    pub(super) fn next(&mut self, bytes: &[u8]) -> Result<Option<Chunk>, Violation> {
        let next = self.parser.next(bytes);
        match next {
            Ok(Some(_)) => {}
            Ok(None) => self.keep(bytes),
            Err(_) => self.invalid = true,
        }
        next
    }

    /// Parses frames that are not passed on, up to a Close.
    pub(super) fn discard(&mut self, mut bytes: &[u8]) {
        while !self.closed() && !self.invalid {
            let Ok(Some(chunk)) = self.next(bytes) else { return };
            bytes = &bytes[chunk.size..];
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        self.kept[..bytes.len()].copy_from_slice(bytes);
        #[allow(clippy::cast_possible_truncation, reason = "shorter than MAX_HEADER")]
        let size = bytes.len() as u8;
        self.size = size;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::frame::own_frame;

    fn frames() -> Frames {
        Frames::new(Rules { masked: false, rsv: 0, max_frame: u64::MAX })
    }

    #[test]
    fn what_is_kept_is_kept_once() {
        let (mut frames, frame) = (frames(), own_frame(Opcode::Ping, b"12345678", None));
        assert_eq!(frames.next(&frame[..3]).unwrap(), None);
        assert_eq!(frames.kept(), &frame[..3]);
        frames.joined();
        let chunk = frames.next(&frame).unwrap().unwrap();
        assert!(chunk.ends && chunk.size == frame.len() && frames.kept().is_empty());
    }

    #[test]
    fn a_close_is_heard_and_nothing_behind_it() {
        let (mut frames, close) = (frames(), own_frame(Opcode::Close, b"", None));
        let text = own_frame(Opcode::Text, b"before", None);
        frames.discard(&[&text[..], &close, &[0xFF; 20]].concat());
        assert!(frames.closed() && !frames.invalid());
        let mut frames = self::frames();
        frames.discard(&[&[0xFF; 20][..], &close].concat());
        assert!(!frames.closed() && frames.invalid());
    }
}
