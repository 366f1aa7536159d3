//! Kinds of value that only occur in pack files: patterns, bytes, ids and prose.

use std::cell::Cell;
use std::sync::Arc;

use crate::core::pack::condition::{Layout, MAX_PATH};
use crate::core::pack::{JsonPath, MAX_PATTERN, Pattern, PatternError};
use crate::core::skeleton::Digest;
use crate::toml_file::{Fixed, Kind, ValueError, choose, quote};

/// The name that stands for all packs, each of which applies once its framework is recognised.
pub const AUTO: &str = "auto";

/// The most patterns of one pack; each may take as much memory as `Pattern` allows.
const MAX_PATTERNS: usize = 512;
/// The longest exact text, and the longest prose, in bytes.
const MAX_TEXT: usize = 4096;

/// Compiles and counts the patterns of one pack.
#[derive(Default)]
pub(super) struct Patterns(Cell<usize>);

impl Patterns {
    /// A pattern that may match anywhere.
    pub(super) fn anywhere(&self) -> Kind<impl Fn(&str) -> Result<Pattern, ValueError>> {
        self.kind(Pattern::anywhere)
    }

    /// A pattern that must match the whole text.
    pub(super) fn whole(&self) -> Kind<impl Fn(&str) -> Result<Pattern, ValueError>> {
        self.kind(Pattern::whole)
    }

    fn kind(
        &self,
        compile: fn(&str) -> Result<Pattern, PatternError>,
    ) -> Kind<impl Fn(&str) -> Result<Pattern, ValueError>> {
        let parse = move |text: &str| {
            self.0.set(self.0.get() + 1);
            if self.0.get() > MAX_PATTERNS {
                let why = format!("this is pattern {} of the pack", self.0.get());
                return Err(ValueError::new(why, format!("use at most {MAX_PATTERNS}")));
            }
            compile(text).map_err(|error| {
                let fix = match error {
                    PatternError::TooLarge => {
                        format!("write at most {MAX_PATTERN} bytes, and smaller repetitions")
                    }
                    PatternError::Syntax(_) => {
                        "look-around and back-references are not known here".to_owned()
                    }
                };
                ValueError::new(format!("{} is no pattern: {error}", quote(text)), fix)
            })
        };
        Kind { wants: "a pattern", example: r"'/socket\.io/$'", parse }
    }
}

/// One of a few words.
pub(super) fn word<T: Copy>(
    example: &'static str,
    words: &[(&str, T)],
) -> Kind<impl Fn(&str) -> Result<T, ValueError>> {
    Kind { wants: "a word", example, parse: move |text: &str| choose(text, words) }
}

/// A pack's name.
pub(super) fn pack_name() -> Fixed<String> {
    fn parse(text: &str) -> Result<String, ValueError> {
        if text == AUTO {
            return Err(ValueError::new("\"auto\" stands for all packs", "choose another name"));
        }
        named(text, b"-_", "-_").map(str::to_owned)
    }
    Kind { wants: "a name", example: "\"socketio\"", parse }
}

/// A rule's id.
pub(super) fn id() -> Fixed<Arc<str>> {
    fn parse(text: &str) -> Result<Arc<str>, ValueError> {
        named(text, b"-", "-").map(Arc::from)
    }
    Kind { wants: "an id", example: "\"pong\"", parse }
}

fn named<'a>(text: &'a str, marks: &[u8], shown: &str) -> Result<&'a str, ValueError> {
    let plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || marks.contains(&byte);
    if (1..=63).contains(&text.len()) && text.bytes().all(plain) {
        return Ok(text);
    }
    let fix = format!("write 1 to 63 of a-z, 0-9 and {shown}");
    Err(ValueError::new(format!("{} is not a name", quote(text)), fix))
}

/// Prose for people.
pub(super) fn prose() -> Fixed<String> {
    fn parse(text: &str) -> Result<String, ValueError> {
        short(text).map(str::to_owned)
    }
    Kind { wants: "a text", example: "\"Socket.IO 2 to 4\"", parse }
}

/// Text that is matched literally.
pub(super) fn exact_text() -> Fixed<Box<[u8]>> {
    fn parse(text: &str) -> Result<Box<[u8]>, ValueError> {
        short(text).map(|text| text.as_bytes().into())
    }
    Kind { wants: "a text", example: "\"3\"", parse }
}

/// A word of the protocol: a key, a method, an event name.
pub(super) fn token() -> Fixed<Box<str>> {
    fn parse(text: &str) -> Result<Box<str>, ValueError> {
        short(text).map(Box::from)
    }
    Kind { wants: "a text", example: "\"type\"", parse }
}

fn short(text: &str) -> Result<&str, ValueError> {
    if text.len() <= MAX_TEXT {
        return Ok(text);
    }
    let why = format!("{} has {} bytes", quote(text), text.len());
    Err(ValueError::new(why, format!("write at most {MAX_TEXT}")))
}

/// Bytes as hexadecimal digits; spaces are allowed.
pub(super) fn hex() -> Fixed<Box<[u8]>> {
    fn parse(text: &str) -> Result<Box<[u8]>, ValueError> {
        match places(short(text)?) {
            Some(places) => {
                let bytes: Option<Vec<u8>> = places.into_iter().collect();
                bytes.map(Into::into)
            }
            None => None,
        }
        .ok_or_else(|| {
            let fix = "write two hexadecimal digits a byte, such as \"880101\"";
            ValueError::new(format!("{} are not bytes", quote(text)), fix)
        })
    }
    Kind { wants: "bytes in hexadecimal", example: "\"880101\"", parse }
}

/// The digest of a message without its numbers, as shown by `ebbtide explain`.
pub(super) fn digest() -> Fixed<Digest> {
    fn parse(text: &str) -> Result<Digest, ValueError> {
        Digest::from_hex(text).ok_or_else(|| {
            let fix = "write the 64 hexadecimal digits that `ebbtide explain` shows";
            ValueError::new(format!("{} is no digest", quote(text)), fix)
        })
    }
    Kind { wants: "a digest", example: "\"e3b0c442…\"", parse }
}

/// Bytes, some of which may have any value.
pub(super) fn layout() -> Fixed<Layout> {
    fn parse(text: &str) -> Result<Layout, ValueError> {
        let trimmed = short(text)?.trim_end();
        let head = trimmed.strip_suffix('*');
        let places = places(head.unwrap_or(trimmed)).ok_or_else(|| {
            let fix = "write two hexadecimal digits or ?? a byte, and * at the end for any rest";
            ValueError::new(format!("{} is no layout", quote(text)), fix)
        })?;
        Ok(Layout::new(places, head.is_some()))
    }
    Kind { wants: "a layout", example: "\"09 00000000 ????????\"", parse }
}

/// The path to a protobuf field: numbers from the outside in.
pub(super) fn field_path() -> Fixed<Box<[u32]>> {
    fn parse(text: &str) -> Result<Box<[u32]>, ValueError> {
        let number = |part: &str| part.parse().ok().filter(|number| *number > 0);
        let path: Option<Box<[u32]>> = short(text)?.split('.').map(number).collect();
        path.filter(|path| path.len() <= MAX_PATH).ok_or_else(|| {
            let fix = format!("write 1 to {MAX_PATH} field numbers, such as \"11.6\"");
            ValueError::new(format!("{} is no way to a field", quote(text)), fix)
        })
    }
    Kind { wants: "the way to a field", example: "\"11.6\"", parse }
}

/// The path to a value in JSON: keys from the outside in.
pub(super) fn json_path() -> Fixed<JsonPath> {
    fn parse(text: &str) -> Result<JsonPath, ValueError> {
        let path: JsonPath = short(text)?.split('.').map(Box::from).collect();
        if path.iter().any(|key| key.is_empty()) {
            let fix = "write keys from the outside in, such as \"parent_header.msg_id\"";
            return Err(ValueError::new(format!("{} is no way to a value", quote(text)), fix));
        }
        Ok(path)
    }
    Kind { wants: "the way to a value", example: "\"data.cell_id\"", parse }
}

/// Pairs of hexadecimal digits or question marks; `None` if empty or anything else.
fn places(text: &str) -> Option<Vec<Option<u8>>> {
    let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b' ').collect();
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    if digits.is_empty() {
        return None;
    }
    let pairs = digits.chunks(2).map(|pair| match *pair {
        [b'?', b'?'] => Some(None),
        [high, low] => Some(Some(digit(high)? << 4 | digit(low)?)),
        _ => None,
    });
    pairs.collect()
}
