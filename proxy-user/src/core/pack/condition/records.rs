//! Messages that consist of several records: where each begins and ends. Does not know what a record means.
//!
//! A message that does not split without a remainder has no records, and no rule matches it.

use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::protobuf;
use crate::core::payload::Masked;

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const BASE64: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::STANDARD, LENIENT);
const BASE64_URL: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::URL_SAFE, LENIENT);

/// How a message is split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Records {
    /// VS Code's remote protocol: a type byte, two 32-bit words, a 32-bit length, and that many bytes; the
    /// record is all of that.
    Vscode,
    /// Guacamole's instructions; the record is one without its `;`.
    Guacamole,
    /// SignalR's JSON protocol: each record ends with 0x1e.
    SignalrJson,
    /// SignalR's MessagePack protocol: each record is preceded by its length.
    SignalrMsgpack,
    /// Lines; the last one need not be terminated.
    Lines,
    /// The elements of a JSON array, not empty.
    JsonArray,
    /// Engine.IO 4 over HTTP: packets separated by 0x1e.
    Engineio4,
    /// Engine.IO 3 over HTTP: packets preceded by their length.
    Engineio3,
    /// Base64 (RFC 4648 sections 4 and 5), padded or not; the record is the decoded data.
    Base64,
    /// Jupyter's binary form, version 1; the record is the header.
    Jupyter,
    /// The same; the record is the header of the message that it answers.
    JupyterParent,
    /// The same; the record is the content.
    JupyterContent,
    /// A binary message in that form, taken as an object whose fields are the parts; or a text message, which
    /// is such an object. It is one record.
    JupyterMessage,
}

impl Records {
    /// Every way, with its word in pack files.
    pub const WORDS: [(&str, Records); 13] = [
        ("vscode", Records::Vscode),
        ("guacamole", Records::Guacamole),
        ("signalr-json", Records::SignalrJson),
        ("signalr-msgpack", Records::SignalrMsgpack),
        ("lines", Records::Lines),
        ("json-array", Records::JsonArray),
        ("engineio-4", Records::Engineio4),
        ("engineio-3", Records::Engineio3),
        ("base64", Records::Base64),
        ("jupyter", Records::Jupyter),
        ("jupyter-parent", Records::JupyterParent),
        ("jupyter-content", Records::JupyterContent),
        ("jupyter-message", Records::JupyterMessage),
    ];

    /// Whether the record is a part of the message that can be found from its head.
    pub(in crate::core::pack) fn is_part(self) -> bool {
        matches!(self, Records::Jupyter | Records::JupyterParent | Records::JupyterContent)
    }

    /// The first record and the rest; `None` if there is no complete record.
    fn split(self, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
        match self {
            Records::Vscode => {
                let length = bytes.get(9..13).and_then(|word| <[u8; 4]>::try_from(word).ok())?;
                let length = usize::try_from(u32::from_be_bytes(length)).ok()?;
                bytes.split_at_checked(length.checked_add(13)?)
            }
            Records::Guacamole => instruction(bytes),
            Records::SignalrJson => cut(bytes, 0x1e),
            Records::SignalrMsgpack => {
                let (length, rest) = varint(bytes)?;
                rest.split_at_checked(usize::try_from(length).ok()?)
            }
            Records::Lines => {
                let (line, rest) = cut(bytes, b'\n').unwrap_or((bytes, &[]));
                Some((line.strip_suffix(b"\r").unwrap_or(line), rest))
            }
            Records::Engineio4 => Some(cut(bytes, 0x1e).unwrap_or((bytes, &[]))),
            Records::Engineio3 => {
                let (digits, rest) = cut(bytes, b':')?;
                let text = std::str::from_utf8(rest).ok()?;
                let end = units(text, decimal(digits)?)?;
                rest.split_at_checked(end)
            }
            Records::JsonArray
            | Records::Base64
            | Records::Jupyter
            | Records::JupyterParent
            | Records::JupyterContent
            | Records::JupyterMessage => None,
        }
    }

    /// Whether the whole `message` consists of one or more records and `fits` is true for each.
    pub(in crate::core::pack) fn all(self, message: &[u8], fits: impl Fn(&[u8]) -> bool) -> bool {
        if self == Records::JsonArray {
            return elements(message, fits);
        }
        if self == Records::Base64 {
            let text = message.trim_ascii();
            let decoded = BASE64.decode(text).or_else(|_| BASE64_URL.decode(text));
            return decoded.is_ok_and(|record| fits(&record));
        }
        let mut rest = message;
        while !rest.is_empty() {
            match self.split(rest) {
                // Each step consumes at least one byte, or the loop would not end.
                Some((record, behind)) if behind.len() < rest.len() && fits(record) => {
                    rest = behind
                }
                _ => return false,
            }
        }
        !message.is_empty()
    }
}

/// A base-128 integer and the rest.
fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (value, behind) = protobuf::varint(&Masked::new(bytes, None), 0, bytes.len()).ok()?;
    Some((value, bytes.get(behind..)?))
}

/// The bytes before the first `end`, and those after it.
fn cut(bytes: &[u8], end: u8) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().position(|&byte| byte == end)?;
    Some((&bytes[..at], &bytes[at + 1..]))
}

/// A decimal number of at most nine digits.
fn decimal(digits: &[u8]) -> Option<usize> {
    if digits.is_empty() || digits.len() > 9 {
        return None;
    }
    digits.iter().try_fold(0_usize, |sum, &digit| {
        digit.is_ascii_digit().then(|| sum * 10 + usize::from(digit - b'0'))
    })
}

/// How many bytes the first `count` UTF-16 code units of a text take, because JavaScript counts those.
fn units(text: &str, count: usize) -> Option<usize> {
    let (mut left, mut bytes) = (count, 0);
    for character in text.chars() {
        if left == 0 {
            break;
        }
        left = left.checked_sub(character.len_utf16())?;
        bytes += character.len_utf8();
    }
    (left == 0).then_some(bytes)
}

/// One Guacamole instruction, `LENGTH.VALUE,LENGTH.VALUE;`, with lengths in characters.
fn instruction(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut at = 0;
    loop {
        let (digits, value) = cut(&bytes[at..], b'.')?;
        let end = characters(value, decimal(digits)?)?;
        at += digits.len() + 1 + end;
        match bytes.get(at)? {
            b',' => at += 1,
            b';' => return Some((&bytes[..at], &bytes[at + 1..])),
            _ => return None,
        }
    }
}

/// How many bytes the first `count` UTF-8 characters take.
fn characters(bytes: &[u8], count: usize) -> Option<usize> {
    let starts = bytes.iter().enumerate().filter(|(_, byte)| **byte & 0xc0 != 0x80);
    let mut starts = starts.map(|(at, _)| at);
    match starts.nth(count) {
        Some(at) => Some(at),
        None => {
            let all = bytes.iter().filter(|byte| **byte & 0xc0 != 0x80).count();
            (all == count).then_some(bytes.len())
        }
    }
}

/// Calls `fits` with each element of a JSON array. Tracks brackets and strings, without recursion; `fits`
/// must check that an element is valid JSON.
fn elements(message: &[u8], fits: impl Fn(&[u8]) -> bool) -> bool {
    let inner = message.trim_ascii().strip_prefix(b"[").and_then(|text| text.strip_suffix(b"]"));
    let Some(inner) = inner else { return false };
    let (mut start, mut depth, mut quoted, mut escaped) = (0, 0_usize, false, false);
    for (at, &byte) in inner.iter().enumerate() {
        if quoted {
            quoted = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
            continue;
        }
        match byte {
            b'"' => quoted = true,
            b'[' | b'{' => depth += 1,
            b']' | b'}' => match depth.checked_sub(1) {
                Some(less) => depth = less,
                None => return false,
            },
            b',' if depth == 0 => {
                if !fits(inner[start..at].trim_ascii()) {
                    return false;
                }
                start = at + 1;
            }
            _ => {}
        }
    }
    depth == 0 && !quoted && fits(inner[start..].trim_ascii())
}

/// Where a part of a Jupyter message is: between two of the 64-bit little-endian offsets that follow their
/// count (jupyter-server, "v1.kernel.websocket.jupyter.org").
pub(in crate::core::pack) enum Part<'a> {
    /// Here.
    Is(Masked<'a>),
    /// Further on: this many bytes are needed.
    Needs(usize),
    /// Nowhere.
    None,
}

/// Finds the part that `records` names in the first bytes of a message.
pub(in crate::core::pack) fn part<'a>(bytes: &Masked<'a>, records: Records) -> Part<'a> {
    part_at(
        bytes,
        match records {
            Records::JupyterParent => 3,
            Records::JupyterContent => 5,
            _ => 2,
        },
    )
}

/// The JSON parts in the order in which to check them, with their positions.
const PARTS: [(&str, usize); 4] =
    [("header", 2), ("parent_header", 3), ("content", 5), ("metadata", 4)];

/// Finds the part with this name in a message.
pub(in crate::core::pack) fn jupyter_part<'a>(bytes: &Masked<'a>, name: &str) -> Part<'a> {
    let place = PARTS.iter().find(|(part, _)| *part == name);
    place.map_or(Part::None, |(_, place)| part_at(bytes, *place))
}

/// The names of the JSON parts, the most telling first.
pub(in crate::core::pack) fn jupyter_parts() -> impl Iterator<Item = &'static str> {
    PARTS.iter().map(|(name, _)| *name)
}

fn part_at<'a>(bytes: &Masked<'a>, place: usize) -> Part<'a> {
    // Channel, header, parent header, metadata, content, end, and one more for every buffer.
    let word = |index: usize| usize::try_from(u64::from_le_bytes(bytes.word(8 * index)?)).ok();
    let words = 8 * (place + 2);
    if bytes.len() < 8 {
        return Part::Needs(words);
    }
    let Some(count) = word(0).filter(|count| (5..=256).contains(count) && *count > place) else {
        return Part::None;
    };
    if bytes.len() < words {
        return Part::Needs(words);
    }
    let (Some(channel), Some(start), Some(end)) = (word(1), word(place), word(place + 1)) else {
        return Part::None;
    };
    if channel != 8 * (count + 1) || start < channel || end < start {
        return Part::None;
    }
    bytes.part(start, end).map_or(Part::Needs(end), Part::Is)
}

#[cfg(test)]
#[path = "records_tests.rs"]
mod tests;
