//! What recently counted as an app's activity and what was ignored as machinery, in bounded memory.
//!
//! It records kinds of traffic, never contents: the method of a request and its path without the query, the
//! opcode of a message and its size to a power of two. It decides nothing.

use std::collections::VecDeque;

use super::frame::Opcode;
use super::gate::Reason;
use super::pack::RuleIndex;
use super::time::Nanos;

/// Entries kept for what counted, and as many for what was ignored: sessions with nothing but heartbeats must
/// not push out the one click.
pub const KEPT: usize = 64;
/// How much of a path is kept, in bytes.
const LONGEST_PATH: usize = 64;

/// How a piece of traffic was judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Activity, by a rule of class `person` or because no rule matched.
    Counted(Reason, Option<RuleIndex>),
    /// Machinery, by this rule.
    Ignored(RuleIndex),
}

/// The kind of traffic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A message, or a frame if no rule inspects messages.
    Message(Opcode, Size),
    /// A plain request.
    Request(Method, Path),
    /// A WebSocket handshake.
    Upgrade(Path),
}

/// The length of a payload, to a power of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(u8);

impl Size {
    /// The size of this many bytes.
    #[must_use]
    #[allow(clippy::cast_possible_truncation, reason = "at most 64")]
    pub fn of(bytes: u64) -> Size {
        Size((u64::BITS - bytes.leading_zeros()) as u8)
    }

    /// As a number, up to 64.
    #[must_use]
    pub fn bits(self) -> u8 {
        self.0
    }

    /// The size with this number; more than 64 is taken as 64.
    #[must_use]
    pub fn from_bits(bits: u8) -> Size {
        Size(bits.min(64))
    }

    /// The smallest and the largest number of bytes of this size.
    #[must_use]
    pub fn range(self) -> (u64, u64) {
        let bits = u32::from(self.0);
        let most = u64::MAX.checked_shr(u64::BITS - bits).unwrap_or(0);
        (most - most / 2, most)
    }
}

/// A request's method, if RFC 9110 or RFC 5789 defines it: clients may invent any.
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

/// A request's path as it may be shown: without its query, cut after 64 bytes, and with control characters
/// escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path(Box<str>);

impl Path {
    /// The part of this path that may be shown.
    #[must_use]
    pub fn shown(path: &str) -> Path {
        let path = path.split(['?', '#']).next().unwrap_or_default();
        let kept = &path[..path.floor_char_boundary(LONGEST_PATH)];
        // The fast path: nearly every path has only such bytes, and every request that counts has a path.
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

/// Pieces of traffic with the same key share an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The session; `None` = a plain request.
    pub session: Option<u64>,
    /// How it was judged.
    pub what: What,
    /// Which kind of traffic.
    pub kind: Kind,
}

/// Traffic of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it was, and in which session.
    pub key: Key,
    /// When it was first recorded.
    pub first: Nanos,
    /// When it was last recorded.
    pub last: Nanos,
    /// How often it was recorded. Callers may skip events in quick succession.
    pub noted: u64,
}

/// The entries of one app, the newest last.
#[derive(Clone, Debug, Default)]
pub struct History {
    counted: VecDeque<Entry>,
    ignored: VecDeque<Entry>,
}

impl History {
    /// Records traffic, in the existing entry with this key if there is one.
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
