//! What is asked about, and the answer.

use crate::core::payload::Payload;

/// Whether bytes are what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatchResult {
    /// They are, whatever follows.
    Yes,
    /// They are not, whatever follows.
    No,
    /// More must be seen.
    NeedMore,
}

impl MatchResult {
    /// Both answers as one.
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

/// Kinds of message that something is asked of.
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

/// A message or a body as it is shown to a rule.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// What has come of it.
    pub payload: &'a Payload<'a>,
    /// It is text.
    pub text: bool,
}
