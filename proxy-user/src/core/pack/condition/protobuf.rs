//! Conditions on a protobuf message: the value of one field, and no unexpected fields next to it. Walks the
//! wire format (protobuf.dev, "Encoding") without a schema.
//!
//! Every occurrence of the field must match, because it is up to the parser which of them it uses. Groups
//! (wire types 3 and 4) do not occur in any message of interest and do not match.

use super::result::MatchResult;
use crate::core::pack::first_bytes::FirstBytes;
use crate::core::payload::{Masked, Payload};

/// Longest path to a field.
pub const MAX_PATH: usize = 8;

/// A message that meets this condition.
#[derive(Clone, Debug)]
pub struct ProtobufMessage {
    /// Field numbers from the outside in; at least one.
    path: Box<[u32]>,
    /// The field's integer value; `None` = any value.
    value: Option<u64>,
    /// Other fields that the outermost message may have; `None` = any.
    others: Option<Box<[u32]>>,
    /// Paths to fields that must be absent, in the form of `path`.
    without: Box<[Box<[u32]>]>,
}

impl ProtobufMessage {
    /// A message in which the field at `path` (its first [`MAX_PATH`] steps) has this `value`, and which has
    /// no top-level fields except the first step of `path` and `others`, if given.
    #[must_use]
    pub fn new(
        mut path: Vec<u32>,
        value: Option<u64>,
        others: Option<Vec<u32>>,
    ) -> ProtobufMessage {
        path.truncate(MAX_PATH);
        let others = others.map(Into::into);
        ProtobufMessage { path: path.into(), value, others, without: Box::default() }
    }

    /// Adds that the fields at these paths (their first [`MAX_PATH`] steps) must be absent.
    #[must_use]
    pub fn without(mut self, paths: Vec<Box<[u32]>>) -> ProtobufMessage {
        self.without = paths.into_iter().filter(|path| !path.is_empty()).collect();
        self
    }

    /// The possible first bytes of such a message.
    pub(super) fn first_bytes(&self) -> FirstBytes {
        let (Some(others), Some(first)) = (&self.others, self.path.first()) else {
            return FirstBytes::ANY;
        };
        let mut first_bytes = FirstBytes::NONE;
        for number in others.iter().chain([first]) {
            for wire_type in [0, 1, 2, 5] {
                let tag = u64::from(*number) << 3 | wire_type;
                let [low, ..] = tag.to_le_bytes();
                // A tag may take more bytes than necessary.
                first_bytes.add(low | 0x80);
                if tag < 0x80 {
                    first_bytes.add(low);
                }
            }
        }
        first_bytes
    }

    /// Whether this is such a message. Skipped parts need not have arrived.
    #[must_use]
    pub fn test(&self, payload: &Payload<'_>) -> MatchResult {
        let end =
            payload.length().map_or(usize::MAX, |end| usize::try_from(end).unwrap_or(usize::MAX));
        let fields = Fields { seen: payload.seen(), at: 0, end };
        let mut fits = self.holds(&self.path, fields, self.others.as_deref());
        for path in &self.without {
            if fits == MatchResult::No {
                break;
            }
            fits = fits.and(lacks(path, fields));
        }
        fits
    }

    /// Recursion is as deep as the path is long.
    fn holds(&self, path: &[u32], mut fields: Fields<'_>, others: Option<&[u32]>) -> MatchResult {
        let Some((&step, deeper)) = path.split_first() else { return MatchResult::No };
        let mut found = false;
        loop {
            let (number, value) = match fields.next() {
                Ok(Some(field)) => field,
                Ok(None) => return found.into(),
                Err(stop) => return stop.into(),
            };
            if number != step {
                if others.is_some_and(|others| !others.contains(&number)) {
                    return MatchResult::No;
                }
                continue;
            }
            let fits = match value {
                Value::Bytes(inner) if !deeper.is_empty() => self.holds(deeper, inner, None),
                Value::Integer(value) if deeper.is_empty() => {
                    self.value.is_none_or(|wanted| wanted == value).into()
                }
                _ => (deeper.is_empty() && self.value.is_none()).into(),
            };
            // Nothing after missing bytes can be here.
            if fits != MatchResult::Yes {
                return fits;
            }
            found = true;
        }
    }
}

/// Whether there is no field at this path. If the message cannot be walked to its end, one may be hidden.
fn lacks(path: &[u32], mut fields: Fields<'_>) -> MatchResult {
    let Some((&step, deeper)) = path.split_first() else { return MatchResult::No };
    loop {
        let value = match fields.next() {
            Ok(Some((number, value))) if number == step => value,
            Ok(Some(_)) => continue,
            Ok(None) => return MatchResult::Yes,
            Err(stop) => return stop.into(),
        };
        let fits = match value {
            Value::Bytes(inner) if !deeper.is_empty() => lacks(deeper, inner),
            _ => (!deeper.is_empty()).into(),
        };
        if fits != MatchResult::Yes {
            return fits;
        }
    }
}

/// A field's value, as far as the wire format tells.
enum Value<'a> {
    Integer(u64),
    Bytes(Fields<'a>),
    Fixed,
}

/// Why a message cannot be walked any further.
#[derive(Clone, Copy, Debug)]
pub(in crate::core::pack) enum Stop {
    /// It is malformed.
    Broken,
    /// The next byte has not arrived.
    Missing,
}

impl From<Stop> for MatchResult {
    fn from(stop: Stop) -> MatchResult {
        match stop {
            Stop::Broken => MatchResult::No,
            Stop::Missing => MatchResult::NeedMore,
        }
    }
}

/// The fields of a part of a message, the last of which may not have arrived.
#[derive(Clone, Copy)]
struct Fields<'a> {
    seen: &'a Masked<'a>,
    at: usize,
    /// `usize::MAX` = unknown.
    end: usize,
}

impl<'a> Fields<'a> {
    /// The next field; `None` at the end.
    #[inline]
    fn next(&mut self) -> Result<Option<(u32, Value<'a>)>, Stop> {
        let Fields { seen, at, end } = *self;
        if at == end {
            return Ok(None);
        }
        let (tag, at) = varint(seen, at, end)?;
        let number = u32::try_from(tag >> 3).ok().filter(|&number| number > 0);
        let number = number.ok_or(Stop::Broken)?;
        let skip = |at: usize, length: u64| {
            let length = usize::try_from(length).ok()?;
            at.checked_add(length).filter(|behind| *behind <= end)
        };
        let (value, behind) = match tag & 7 {
            0 => {
                let (value, behind) = varint(seen, at, end)?;
                (Value::Integer(value), Some(behind))
            }
            1 => (Value::Fixed, skip(at, 8)),
            2 => {
                let (length, at) = varint(seen, at, end)?;
                let behind = skip(at, length);
                (Value::Bytes(Fields { seen, at, end: behind.unwrap_or(at) }), behind)
            }
            5 => (Value::Fixed, skip(at, 4)),
            _ => return Err(Stop::Broken),
        };
        self.at = behind.ok_or(Stop::Broken)?;
        Ok(Some((number, value)))
    }
}

/// A base-128 integer of at most ten bytes that ends before `end`, and the position after it.
#[inline]
pub(in crate::core::pack) fn varint(
    seen: &Masked<'_>,
    at: usize,
    end: usize,
) -> Result<(u64, usize), Stop> {
    match seen.at(at) {
        // Tags and short lengths take one byte.
        Some(byte) if byte < 0x80 && at < end => Ok((u64::from(byte), at + 1)),
        _ => long_varint(seen, at, end),
    }
}

fn long_varint(seen: &Masked<'_>, at: usize, end: usize) -> Result<(u64, usize), Stop> {
    let mut value = 0_u64;
    for index in 0..10.min(end.saturating_sub(at)) {
        let byte = seen.at(at + index).ok_or(Stop::Missing)?;
        let part = u64::from(byte & 0x7f);
        // The tenth byte has room for one bit.
        if index == 9 && part > 1 {
            return Err(Stop::Broken);
        }
        value |= part << (7 * index);
        if byte & 0x80 == 0 {
            return Ok((value, at + index + 1));
        }
    }
    Err(Stop::Broken)
}

#[cfg(test)]
#[path = "protobuf_tests.rs"]
mod tests;
