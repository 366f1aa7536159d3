//! Exact bytes: the whole message, or its start.

use super::result::MatchResult;
use crate::core::payload::Payload;

/// Whether the message is these bytes.
pub(super) fn equals(exact: &[u8], payload: &Payload<'_>) -> MatchResult {
    let length = exact.len() as u64;
    let fits = payload.least() <= length && payload.length().is_none_or(|known| known == length);
    if !fits || !payload.seen().begins(exact) {
        MatchResult::No
    } else if payload.is_whole() {
        MatchResult::Yes
    } else {
        MatchResult::NeedMore
    }
}

/// Whether the message starts with these bytes.
pub(super) fn starts_with(start: &[u8], payload: &Payload<'_>) -> MatchResult {
    let seen = payload.seen();
    if seen.len() >= start.len() {
        return seen.starts_with(start).into();
    }
    let shorter = payload.length().is_some_and(|length| length < start.len() as u64);
    if shorter || !seen.begins(start) { MatchResult::No } else { MatchResult::NeedMore }
}
