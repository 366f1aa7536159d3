//! Text that clients choose, as far as it may be shown.

use std::io::Write;

/// How much of a value is kept, in bytes.
const KEPT: usize = 200;

/// A value that a client sent, cut after 200 bytes. It is escaped when it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientText(Box<[u8]>);

impl ClientText {
    /// The beginning of this value.
    #[must_use]
    pub fn shown(value: &[u8]) -> ClientText {
        match value.get(..KEPT) {
            Some(kept) if kept.len() < value.len() => ClientText([kept, b"..."].concat().into()),
            _ => ClientText(value.into()),
        }
    }

    /// A host, without the name and password that may stand before it.
    #[must_use]
    pub fn host(value: &[u8]) -> ClientText {
        ClientText::shown(without_credentials(value))
    }

    /// A referrer, without its query and fragment, and without the name and password before its host.
    #[must_use]
    pub fn referrer(value: &[u8]) -> ClientText {
        let end = value.iter().position(|byte| b"?#".contains(byte)).unwrap_or(value.len());
        let value = &value[..end];
        let start = value.windows(2).position(|two| two == b"//").map_or(0, |at| at + 2);
        let (scheme, rest) = value.split_at(start);
        let end = rest.iter().position(|byte| *byte == b'/').unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        ClientText::shown(&[scheme, without_credentials(authority), path].concat())
    }

    /// Appends it escaped as nginx does: what is not printable ASCII, quotes and backslashes as `\xNN`.
    pub(super) fn write_text(&self, line: &mut Vec<u8>) {
        escape(&self.0, line);
    }

    /// Appends it as a JSON string.
    pub(super) fn write_json(&self, line: &mut Vec<u8>) {
        json_string(&String::from_utf8_lossy(&self.0), line);
    }
}

/// Appends bytes as nginx does: see [`ClientText::write_text`].
pub(super) fn escape(bytes: &[u8], line: &mut Vec<u8>) {
    for &byte in bytes {
        match byte {
            b'"' | b'\\' | ..b' ' | 0x7F.. => {
                line.extend([b'\\', b'x', hex(byte >> 4), hex(byte)]);
            }
            _ => line.push(byte),
        }
    }
}

/// Appends a JSON string (RFC 8259 section 7) of printable ASCII.
pub(super) fn json_string(value: &str, line: &mut Vec<u8>) {
    line.push(b'"');
    for letter in value.chars() {
        match letter {
            '"' | '\\' => line.extend([b'\\', letter as u8]),
            ' '..='~' => line.push(letter as u8),
            _ => {
                for &mut unit in letter.encode_utf16(&mut [0; 2]) {
                    // Writing to a Vec cannot fail.
                    let _ = write!(line, "\\u{unit:04x}");
                }
            }
        }
    }
    line.push(b'"');
}

fn hex(nibble: u8) -> u8 {
    b"0123456789ABCDEF"[usize::from(nibble & 0xF)]
}

fn without_credentials(authority: &[u8]) -> &[u8] {
    let at = authority.iter().rposition(|byte| *byte == b'@');
    at.map_or(authority, |at| &authority[at + 1..])
}
