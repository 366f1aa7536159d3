//! The part of RFC 6455 that the demo's app and clients use: whole, unfragmented frames.
//!
//! Pure. It must not use `core::frame`, with which the proxy judges these frames.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Opcodes of RFC 6455 section 5.2.
pub(super) const TEXT: u8 = 1;
pub(super) const BINARY: u8 = 2;
pub(super) const CLOSE: u8 = 8;
pub(super) const PING: u8 = 9;
pub(super) const PONG: u8 = 10;

/// Larger frames are refused.
const LARGEST: usize = 1 << 20;

/// A whole frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) opcode: u8,
    pub(super) payload: Vec<u8>,
}

/// Why a frame is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a frame that the demo does not read")]
pub(super) struct Refused;

/// A frame's bytes, masked if `mask` is given, as a client's must be.
pub(super) fn encode(opcode: u8, payload: &[u8], mask: Option<[u8; 4]>) -> Vec<u8> {
    let bit = if mask.is_some() { 0x80 } else { 0 };
    let mut bytes = vec![0x80 | opcode];
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(length @ 0..=125), _) => bytes.push(bit | length),
        (_, Ok(length)) => {
            bytes.push(bit | 126);
            bytes.extend(length.to_be_bytes());
        }
        _ => {
            bytes.push(bit | 127);
            bytes.extend((payload.len() as u64).to_be_bytes());
        }
    }
    bytes.extend(mask.into_iter().flatten());
    let key = mask.unwrap_or_default();
    bytes.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    bytes
}

/// Assembles frames from bytes that arrive in any pieces.
#[derive(Debug, Default)]
pub(super) struct Decoder(Vec<u8>);

impl Decoder {
    /// Adds bytes.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// The next frame; `None` = more bytes are needed.
    pub(super) fn next(&mut self) -> Result<Option<Frame>, Refused> {
        let [first, second, rest @ ..] = &self.0[..] else { return Ok(None) };
        if first & 0xf0 != 0x80 {
            return Err(Refused);
        }
        let (length, rest) = match second & 0x7f {
            126 => match rest.split_first_chunk() {
                Some((length, rest)) => (usize::from(u16::from_be_bytes(*length)), rest),
                None => return Ok(None),
            },
            127 => match rest.split_first_chunk() {
                Some((length, rest)) => {
                    (usize::try_from(u64::from_be_bytes(*length)).map_err(|_| Refused)?, rest)
                }
                None => return Ok(None),
            },
            short => (usize::from(short), rest),
        };
        if length > LARGEST {
            return Err(Refused);
        }
        let (key, rest) = match second & 0x80 {
            0 => ([0; 4], rest),
            _ => match rest.split_first_chunk() {
                Some((key, rest)) => (*key, rest),
                None => return Ok(None),
            },
        };
        let Some(payload) = rest.get(..length) else { return Ok(None) };
        let payload = payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key);
        let frame = Frame { opcode: first & 0x0f, payload: payload.collect() };
        let size = self.0.len() - rest.len() + length;
        self.0.drain(..size);
        Ok(Some(frame))
    }
}

/// `Sec-WebSocket-Accept` for a `Sec-WebSocket-Key` (RFC 6455 section 4.2.2).
pub(super) fn accept(key: &[u8]) -> String {
    let mut hash = ring::digest::Context::new(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY);
    hash.update(key);
    hash.update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    STANDARD.encode(hash.finish())
}

/// A `Sec-WebSocket-Key` from 16 random bytes.
pub(super) fn key(random: [u8; 16]) -> String {
    STANDARD.encode(random)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_survive_any_split() {
        for length in [0, 1, 125, 126, 65_535, 65_536] {
            for mask in [None, Some([1, 2, 3, 250])] {
                let payload: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
                let mut bytes = encode(BINARY, &payload, mask);
                bytes.extend(encode(PING, b"x", mask));
                let (mut decoder, mut frames) = (Decoder::default(), Vec::new());
                for piece in bytes.chunks(if length > 1000 { 4093 } else { 1 }) {
                    decoder.push(piece);
                    while let Some(frame) = decoder.next().unwrap() {
                        frames.push(frame);
                    }
                }
                let ping = Frame { opcode: PING, payload: b"x".to_vec() };
                assert_eq!(frames, [Frame { opcode: BINARY, payload }, ping]);
            }
        }
    }

    #[test]
    fn the_proxys_parser_agrees() {
        use crate::core::frame::{Parser, Rules};
        let bytes = encode(TEXT, &[7; 300], Some([9; 4]));
        let mut parser = Parser::new(Rules { masked: true, rsv: 0, max_frame: u64::MAX });
        let chunk = parser.next(&bytes).unwrap().unwrap();
        assert!(chunk.ends && chunk.size == bytes.len());
    }

    #[test]
    fn what_is_not_read_is_refused() {
        for bytes in [&[0x01, 0x00][..], &[0xc1, 0x00], &[0x82, 127, 1, 0, 0, 0, 0, 0, 0, 0]] {
            let mut decoder = Decoder::default();
            decoder.push(bytes);
            assert_eq!(decoder.next(), Err(Refused), "{bytes:?}");
        }
    }

    #[test]
    fn the_accept_of_the_rfc() {
        // RFC 6455 section 1.3.
        assert_eq!(accept(b"dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }
}
