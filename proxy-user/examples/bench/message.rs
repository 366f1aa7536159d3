//! What the two ends say to each other.

/// The masking key of every client frame.
const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
/// RFC 6455 section 1.3: its example key and the answer to it.
const WEBSOCKET_KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const WEBSOCKET_ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// Bytes of a plain answer's body.
pub(crate) const BODY: usize = 64;

/// A data frame: from the client, and so masked, or from the app.
pub(crate) fn frame(size: usize, masked: bool) -> Vec<u8> {
    framed(0x82, &streamlit(size), masked)
}

pub(crate) fn framed(first: u8, payload: &[u8], masked: bool) -> Vec<u8> {
    let bit = if masked { 0x80 } else { 0 };
    let mut frame = vec![first];
    match payload.len() {
        size @ 0..126 => frame.push(bit | size as u8),
        size @ 126..0x1_0000 => {
            frame.push(bit | 126);
            frame.extend((size as u16).to_be_bytes());
        }
        size => {
            frame.push(bit | 127);
            frame.extend((size as u64).to_be_bytes());
        }
    }
    let key = if masked { KEY } else { [0; 4] };
    if masked {
        frame.extend(key);
    }
    frame.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
}

/// A Streamlit BackMsg of exactly this size: rerun_script (11) with widget states (2) and nothing else. A
/// person's, and so a message that the pack has to read.
fn streamlit(size: usize) -> Vec<u8> {
    for outer in 1..5 {
        for inner in 1..5 {
            let filler = size.saturating_sub(2 + outer + inner);
            let (states, run) = (varint(filler), varint(1 + inner + filler));
            if states.len() == inner && run.len() == outer {
                let mut bytes = vec![0x5a];
                bytes.extend(run);
                bytes.push(0x12);
                bytes.extend(states);
                bytes.extend((0..filler).map(|index| (index * 7 % 251) as u8));
                return bytes;
            }
        }
    }
    vec![0x5a; size]
}

fn varint(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// The handshake of the client with this number.
pub(crate) fn handshake(client: usize) -> Vec<u8> {
    format!(
        "GET /_stcore/stream?id={client} HTTP/1.1\r\nHost: bench.localhost\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {WEBSOCKET_KEY}\r\n\
         Sec-WebSocket-Protocol: streamlit\r\nOrigin: http://bench.localhost\r\n\r\n"
    )
    .into_bytes()
}

pub(crate) fn switching() -> Vec<u8> {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {WEBSOCKET_ACCEPT}\r\nSec-WebSocket-Protocol: streamlit\r\n\r\n"
    )
    .into_bytes()
}

pub(crate) fn request() -> Vec<u8> {
    b"GET /plain HTTP/1.1\r\nHost: bench.localhost\r\nAccept: */*\r\n\r\n".to_vec()
}

pub(crate) fn answer() -> Vec<u8> {
    let mut answer =
        format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {BODY}\r\n\r\n")
            .into_bytes();
    answer.extend([b'x'; BODY]);
    answer
}

/// Length of the head in `bytes`, if it is whole.
pub(crate) fn head(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4)
}
