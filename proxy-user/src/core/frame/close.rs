//! The one frame that Ebbtide writes of its own accord at a session's end.

/// A Close frame (RFC 6455 section 5.5.1) with `code` and `reason`, masked if `mask` is given, as a
/// client's must be. A reason of more than 123 bytes is cut to what a control frame holds.
#[must_use]
pub fn close_frame(code: u16, reason: &str, mask: Option<[u8; 4]>) -> Vec<u8> {
    let mut end = reason.len().min(123);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    let payload = code.to_be_bytes().into_iter().chain(reason.as_bytes()[..end].iter().copied());
    #[allow(clippy::cast_possible_truncation, reason = "at most 125")]
    let length = (2 + end) as u8;
    let mut frame = vec![0x88, length];
    match mask {
        None => frame.extend(payload),
        Some(key) => {
            frame[1] |= 0x80;
            frame.extend(key);
            frame.extend(payload.zip(key.into_iter().cycle()).map(|(byte, key)| byte ^ key));
        }
    }
    frame
}
