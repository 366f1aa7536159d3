//! Input and result of matching.

use crate::core::payload::Payload;

/// Whether bytes match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatchResult {
    /// Yes, whatever follows.
    Yes,
    /// No, whatever follows.
    No,
    /// More bytes are needed.
    NeedMore,
}

impl MatchResult {
    /// Whether both match.
    pub(in crate::core::pack) fn and(self, other: MatchResult) -> MatchResult {
        match (self, other) {
            (MatchResult::No, _) | (_, MatchResult::No) => MatchResult::No,
            (MatchResult::Yes, MatchResult::Yes) => MatchResult::Yes,
            _ => MatchResult::NeedMore,
        }
    }
}

impl From<bool> for MatchResult {
    fn from(fits: bool) -> MatchResult {
        if fits { MatchResult::Yes } else { MatchResult::No }
    }
}

/// Kinds of message that a condition applies to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageKinds {
    /// Text messages.
    pub text: bool,
    /// Binary messages.
    pub binary: bool,
}

impl MessageKinds {
    /// Both.
    pub const ANY: MessageKinds = MessageKinds { text: true, binary: true };
}

/// A message or body to be matched.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// The part that has arrived.
    pub payload: &'a Payload<'a>,
    /// It is text.
    pub text: bool,
}
