//! Frames that Ebbtide itself sends.

use super::Opcode;

/// A frame with a whole message, or a control frame. At most 65,535 bytes; the rest is cut off. Masked if
/// `mask` is given, as a client's frames must be (RFC 6455 section 5.3).
#[must_use]
pub fn own_frame(opcode: Opcode, payload: &[u8], mask: Option<[u8; 4]>) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap_or(u16::MAX);
    let payload = &payload[..usize::from(length)];
    let flag = if mask.is_some() { 0x80 } else { 0 };
    let mut frame = vec![0x80 | opcode as u8];
    match u8::try_from(length) {
        Ok(short @ 0..126) => frame.push(flag | short),
        _ => {
            frame.push(flag | 126);
            frame.extend(length.to_be_bytes());
        }
    }
    match mask {
        None => frame.extend(payload),
        Some(key) => {
            frame.extend(key);
            frame.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
        }
    }
    frame
}

/// A Close frame (RFC 6455 section 5.5.1) with `code` and `reason`. A reason of more than 123 bytes is cut to
/// fit a control frame.
#[must_use]
pub fn close_frame(code: u16, reason: &str, mask: Option<[u8; 4]>) -> Vec<u8> {
    let mut end = reason.len().min(123);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    let payload = [&code.to_be_bytes()[..], &reason.as_bytes()[..end]].concat();
    own_frame(Opcode::Close, &payload, mask)
}
