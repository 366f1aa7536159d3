//! Unpredictable bytes: masking keys, and payloads by which our own pings are known.

/// RFC 6455 section 5.3: a client's masking key is unpredictable. `seed` is used only by a kernel
/// without random numbers, where any key masks.
pub(super) fn masking_key(seed: u64) -> [u8; 4] {
    let [key @ .., _, _, _, _] = bytes(seed);
    key
}

/// The payload of a ping of ours: no peer has the same one but as our pong. As long as a frame may be
/// that the parser shows whole.
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
