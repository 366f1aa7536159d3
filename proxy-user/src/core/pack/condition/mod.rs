//! The conditions that a rule can set on bytes: on a message, on one of its records, or on a request body.
//!
//! A new condition needs a variant of [`Condition`], its match arms below, and a key in the table of
//! `packs::reader`. A verdict is given as soon as more bytes cannot change it. The work is linear in the
//! number of bytes, and nothing here knows connections, classes or time.

mod exact;
mod json;
mod layout;
mod protobuf;
mod records;
mod result;

pub use self::json::{Expected, JsonObject, MAX_FIELDS, Scalar};
pub use self::layout::Layout;
pub use self::protobuf::{MAX_PATH, ProtobufMessage};
pub use self::records::Records;
pub use self::result::{Candidate, MatchResult, MessageKinds};

pub(in crate::core::pack) use self::protobuf::varint;
pub(in crate::core::pack) use self::records::{Part, jupyter_part, jupyter_parts, part};

use super::first_bytes::FirstBytes;
use super::pattern::Pattern;
use crate::core::payload::Payload;
use crate::core::skeleton::{Digest, Skeleton};

/// One condition on bytes.
#[derive(Clone, Debug)]
pub enum Condition {
    /// They are exactly these.
    Equals(Box<[u8]>),
    /// They start with these.
    StartsWith(Box<[u8]>),
    /// They have these at fixed offsets.
    Layout(Layout),
    /// They are a protobuf message like this.
    Protobuf(ProtobufMessage),
    /// The pattern matches all of them.
    Regex(Pattern),
    /// They are a JSON object like this.
    Json(JsonObject),
    /// Their skeleton has this digest.
    Digest(Skeleton, Digest),
}

impl Condition {
    /// The order in which conditions are tried: cheap ones first.
    pub(super) fn cost(&self) -> u8 {
        match self {
            Condition::Equals(_) => 0,
            Condition::StartsWith(_) => 1,
            Condition::Layout(_) => 2,
            Condition::Protobuf(_) => 3,
            Condition::Regex(_) => 4,
            Condition::Json(_) => 5,
            Condition::Digest(..) => 6,
        }
    }

    /// How many bytes are needed to decide; `None` = all.
    pub(super) fn head(&self) -> Option<usize> {
        match self {
            Condition::Equals(exact) => Some(exact.len()),
            Condition::StartsWith(start) => Some(start.len()),
            Condition::Layout(layout) => Some(layout.head()),
            Condition::Protobuf(_)
            | Condition::Regex(_)
            | Condition::Json(_)
            | Condition::Digest(..) => None,
        }
    }

    /// The length of matching bytes, if fixed.
    pub(super) fn length(&self) -> Option<usize> {
        match self {
            Condition::Equals(exact) => Some(exact.len()),
            Condition::Layout(layout) => layout.length(),
            _ => None,
        }
    }

    /// The possible first bytes of non-empty matching bytes.
    pub(super) fn first_bytes(&self) -> FirstBytes {
        match self {
            Condition::Equals(exact) => exact.get(..1).map_or(FirstBytes::NONE, FirstBytes::of),
            Condition::StartsWith(start) => start.get(..1).map_or(FirstBytes::ANY, FirstBytes::of),
            Condition::Layout(layout) => layout.first_bytes(),
            Condition::Protobuf(message) => message.first_bytes(),
            Condition::Regex(pattern) => pattern.first_bytes(),
            Condition::Json(_) => JsonObject::first_bytes(),
            Condition::Digest(..) => FirstBytes::ANY,
        }
    }

    /// Whether the bytes meet the condition.
    #[inline]
    pub(super) fn test(&self, payload: &Payload<'_>) -> MatchResult {
        match self {
            Condition::Equals(exact) => exact::equals(exact, payload),
            Condition::StartsWith(start) => exact::starts_with(start, payload),
            Condition::Layout(layout) => layout.test(payload),
            Condition::Protobuf(message) => message.test(payload),
            _ if !payload.is_whole() => MatchResult::NeedMore,
            Condition::Regex(pattern) => pattern.fits(payload.plain()).into(),
            Condition::Json(object) => object.fits(payload.plain()).into(),
            Condition::Digest(skeleton, is) => {
                (Digest::of(*skeleton, payload.plain()) == Some(*is)).into()
            }
        }
    }
}
