//! WebSocket frames after RFC 6455 section 5.2, written and read independently of the proxy.

use super::wire::Wire;

pub const CONTINUATION: u8 = 0x0;
pub const TEXT: u8 = 0x1;
pub const BINARY: u8 = 0x2;
pub const CLOSE: u8 = 0x8;
pub const PING: u8 = 0x9;
pub const PONG: u8 = 0xA;

pub const RSV1: u8 = 0x40;
pub const RSV2: u8 = 0x20;
pub const RSV3: u8 = 0x10;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    pub fin: bool,
    /// Any of `RSV1`, `RSV2`, `RSV3`.
    pub rsv: u8,
    pub opcode: u8,
    pub mask: Option<[u8; 4]>,
    /// Unmasked.
    pub payload: Vec<u8>,
}

impl Frame {
    pub fn new(opcode: u8, payload: impl Into<Vec<u8>>) -> Frame {
        Frame { fin: true, rsv: 0, opcode, mask: None, payload: payload.into() }
    }

    pub fn text(text: &str) -> Frame {
        Frame::new(TEXT, text)
    }

    pub fn binary(payload: impl Into<Vec<u8>>) -> Frame {
        Frame::new(BINARY, payload)
    }

    pub fn ping(payload: &str) -> Frame {
        Frame::new(PING, payload)
    }

    pub fn close(code: u16, reason: &str) -> Frame {
        let mut payload = code.to_be_bytes().to_vec();
        payload.extend_from_slice(reason.as_bytes());
        Frame::new(CLOSE, payload)
    }

    pub fn unfinished(self) -> Frame {
        Frame { fin: false, ..self }
    }

    pub fn with_payload(self, payload: impl Into<Vec<u8>>) -> Frame {
        Frame { payload: payload.into(), ..self }
    }

    pub fn with_rsv(self, rsv: u8) -> Frame {
        Frame { rsv, ..self }
    }

    pub fn masked(self, key: [u8; 4]) -> Frame {
        Frame { mask: Some(key), ..self }
    }

    pub fn is_control(&self) -> bool {
        self.opcode & 0x8 != 0
    }

    /// The code of a Close frame, if it is one and has one.
    pub fn close_code(&self) -> Option<u16> {
        let code = self.payload.first_chunk::<2>()?;
        (self.opcode == CLOSE).then(|| u16::from_be_bytes(*code))
    }

    /// The reason of a Close frame.
    pub fn close_reason(&self) -> String {
        String::from_utf8(self.payload.get(2..).unwrap_or_default().to_vec()).unwrap()
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = header(
            u8::from(self.fin) << 7 | self.rsv | self.opcode,
            self.payload.len() as u64,
            self.mask,
        );
        let start = bytes.len();
        bytes.extend_from_slice(&self.payload);
        if let Some(key) = self.mask {
            apply_mask(&mut bytes[start..], key);
        }
        bytes
    }

    /// Reads one frame; panics when the connection ends before it is whole.
    pub fn read(wire: &mut Wire) -> Frame {
        loop {
            if let Some((frame, size)) = Frame::parse(wire.held()) {
                wire.take(size);
                return frame;
            }
            wire.more("the rest of a frame");
        }
    }

    /// The frame at the start of `bytes`, and how many of them it takes; `None` while it is not whole.
    pub fn parse(bytes: &[u8]) -> Option<(Frame, usize)> {
        let &[first, second, ..] = bytes else { return None };
        let (length, mut at) = match second & 0x7F {
            126 => (u64::from(u16::from_be_bytes(*bytes[2..].first_chunk()?)), 4),
            127 => (u64::from_be_bytes(*bytes[2..].first_chunk()?), 10),
            short => (u64::from(short), 2),
        };
        let mut mask = None;
        if second & 0x80 != 0 {
            mask = Some(*bytes[at..].first_chunk::<4>()?);
            at += 4;
        }
        let end = usize::try_from(length).ok().and_then(|length| at.checked_add(length))?;
        let mut payload = bytes.get(at..end)?.to_vec();
        if let Some(key) = mask {
            apply_mask(&mut payload, key);
        }
        let (fin, rsv, opcode) = (first & 0x80 != 0, first & 0x70, first & 0x0F);
        Some((Frame { fin, rsv, opcode, mask, payload }, end))
    }
}

/// A frame header with the shortest length form: RFC 6455 section 5.2.
pub fn header(first: u8, length: u64, mask: Option<[u8; 4]>) -> Vec<u8> {
    let mask_bit = if mask.is_some() { 0x80 } else { 0 };
    let mut bytes = vec![first];
    if length < 126 {
        bytes.push(mask_bit | length as u8);
    } else if length <= u64::from(u16::MAX) {
        bytes.push(mask_bit | 126);
        bytes.extend_from_slice(&(length as u16).to_be_bytes());
    } else {
        bytes.push(mask_bit | 127);
        bytes.extend_from_slice(&length.to_be_bytes());
    }
    bytes.extend_from_slice(mask.as_ref().map_or(&[], |key| key.as_slice()));
    bytes
}

/// RFC 6455 section 5.3; masking and unmasking are the same.
fn apply_mask(payload: &mut [u8], key: [u8; 4]) {
    let wide = u64::from(u32::from_ne_bytes(key)) << 32 | u64::from(u32::from_ne_bytes(key));
    let (words, tail) = payload.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, key) in tail.iter_mut().zip(key.iter().cycle()) {
        *byte ^= key;
    }
}
