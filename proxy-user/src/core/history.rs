//! What lately counted as activity in an app and what was taken for machinery, in bounded memory.
//!
//! It names kinds of traffic, never their contents: of a request the method and the path without its
//! query, of a message its opcode and its size to a power of two. It decides nothing.

use std::collections::VecDeque;

use super::frame::Opcode;
use super::gate::Reason;
use super::pack::RuleIndex;
use super::time::Nanos;

/// Entries kept of what counted, and as many of what was ignored: sessions that only send heartbeats
/// must not push out the one click.
pub const KEPT: usize = 64;
/// How much of a path is kept, in bytes.
const LONGEST_PATH: usize = 64;

/// What a piece of traffic was taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Activity: by a rule of class `person`, or because no rule knows it.
    Counted(Reason, Option<RuleIndex>),
    /// Machinery, by this rule.
    Ignored(RuleIndex),
}

/// Which kind of traffic it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A message, or a frame where no rule asks for messages.
    Message(Opcode, Size),
    /// A plain request.
    Request(Method, Path),
    /// A WebSocket handshake.
    Upgrade(Path),
}

/// A payload's length to a power of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(u8);

impl Size {
    /// The size of so many bytes.
    #[must_use]
    #[allow(clippy::cast_possible_truncation, reason = "at most 64")]
    pub fn of(bytes: u64) -> Size {
        Size((u64::BITS - bytes.leading_zeros()) as u8)
    }

    /// As a number up to 64.
    #[must_use]
    pub fn bits(self) -> u8 {
        self.0
    }

    /// The size of this number; more than 64 is 64.
    #[must_use]
    pub fn from_bits(bits: u8) -> Size {
        Size(bits.min(64))
    }

    /// The fewest and the most bytes that this size stands for.
    #[must_use]
    pub fn range(self) -> (u64, u64) {
        let bits = u32::from(self.0);
        let most = u64::MAX.checked_shr(u64::BITS - bits).unwrap_or(0);
        (most - most / 2, most)
    }
}

/// A request's method, as far as RFC 9110 and RFC 5789 know it: clients may invent any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Method(&'static str);

impl Method {
    /// The method of this name.
    #[must_use]
    pub fn named(name: &str) -> Method {
        const KNOWN: [&str; 8] =
            ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"];
        Method(KNOWN.into_iter().find(|known| *known == name).unwrap_or("other"))
    }

    /// The name, or `other`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.0
    }
}

/// A request's path as it may be shown: without its query, cut after 64 bytes, and with nothing in
/// it that moves a cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path(Box<str>);

impl Path {
    /// What may be shown of this path.
    #[must_use]
    pub fn shown(path: &str) -> Path {
        let path = path.split(['?', '#']).next().unwrap_or_default();
        let kept = &path[..path.floor_char_boundary(LONGEST_PATH)];
        // Nearly every path is nothing but such bytes, and each request that counts has one.
        let plain = |byte: u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\'' | b'\\');
        let mut shown: String = match kept.bytes().all(plain) {
            true => kept.to_owned(),
            false => kept.escape_debug().collect(),
        };
        if kept.len() < path.len() {
            shown.push('…');
        }
        Path(shown.into())
    }

    /// The path.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What makes two pieces of traffic the same to a reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The session; `None` = a plain request.
    pub session: Option<u64>,
    /// What it was taken for.
    pub what: What,
    /// Which kind of traffic.
    pub kind: Kind,
}

/// Traffic of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What and whose.
    pub key: Key,
    /// When it was first noted.
    pub first: Nanos,
    /// When it was noted last.
    pub last: Nanos,
    /// How often it was noted. Whoever notes may leave out what comes quickly behind.
    pub noted: u64,
}

/// The entries of one app, the newest last.
#[derive(Clone, Debug, Default)]
pub struct History {
    counted: VecDeque<Entry>,
    ignored: VecDeque<Entry>,
}

impl History {
    /// Notes traffic: under the entry of its key, if there still is one.
    pub fn note(&mut self, now: Nanos, key: Key) {
        let entries = match key.what {
            What::Counted(..) => &mut self.counted,
            What::Ignored(_) => &mut self.ignored,
        };
        let same = entries.iter().rposition(|entry| entry.key == key);
        let mut entry = match same.and_then(|at| entries.remove(at)) {
            Some(entry) => entry,
            None => Entry { key, first: now, last: now, noted: 0 },
        };
        entry.last = entry.last.max(now);
        entry.noted = entry.noted.saturating_add(1);
        if entries.len() >= KEPT {
            entries.pop_front();
        }
        entries.push_back(entry);
    }

    /// What counted, the newest first.
    pub fn counted(&self) -> impl Iterator<Item = &Entry> {
        self.counted.iter().rev()
    }

    /// What was ignored, the newest first.
    pub fn ignored(&self) -> impl Iterator<Item = &Entry> {
        self.ignored.iter().rev()
    }

    /// The newest that counted for this reason.
    #[must_use]
    pub fn newest(&self, reason: Reason) -> Option<&Entry> {
        self.counted()
            .find(|entry| matches!(entry.key.what, What::Counted(its, _) if its == reason))
    }
}

#[cfg(test)]
#[path = "history_tests.rs"]
mod tests;
