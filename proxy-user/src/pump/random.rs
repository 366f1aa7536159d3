//! Unpredictable bytes: masking keys, and payloads by which our own pings are recognised.

/// RFC 6455 section 5.3: a client's masking key is unpredictable. `seed` is used only if the kernel has no
/// random numbers; any key will do then.
pub(super) fn masking_key(seed: u64) -> [u8; 4] {
    let [key @ .., _, _, _, _] = bytes(seed);
    key
}

/// The payload of one of our pings, which no other ping is likely to have. It is short enough that the parser
/// never splits the frame.
pub(super) fn ping_payload(seed: u64) -> [u8; 8] {
    let [one, two, three, four, five, ..] = bytes(seed);
    [b'e', b'b', b'b', one, two, three, four, five]
}

fn bytes(seed: u64) -> [u8; 8] {
    let mut bytes = [0; 8];
    if getrandom::fill(&mut bytes).is_err() {
        bytes = seed.to_le_bytes();
    }
    bytes
}
