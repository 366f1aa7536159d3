//! Turns the frames of one direction of a connection into judged messages: unmasked (RFC 6455 section 5.3),
//! defragmented (section 5.4) and inflated (RFC 7692), as far as the judge needs them.
//!
//! An uncompressed message is judged in place, as it is on the wire. It is copied only if it comes in pieces
//! and the first of them was not enough.
//!
//! The decoder follows traffic and never blocks it. What it cannot read counts as activity, and whether a
//! message is well-formed is for the endpoints to decide.

mod inflate;
mod partial;
mod workspace;

use inflate::Window;
use partial::PartialMessage;
pub use workspace::Workspace;

use super::extension::Deflate;
use super::frame::{Chunk, Header, Opcode, Start};
use super::pack::Judgement;
use super::payload::{Masked, Payload};

/// How many bytes the compressed messages of a direction may inflate to, beyond what their size on the wire
/// allows.
const CREDIT: i64 = 1 << 20;
/// How much each byte on the wire adds to that. DEFLATE reaches 1032; text seldom exceeds 20, except in a
/// message that repeats an earlier one, which is why each message also adds the size of a window.
const RATIO: usize = 32;

/// One direction of a connection.
///
/// Between messages it holds only the history that compressed messages refer to: at most the negotiated
/// window, and of that only what has been filled (rounded up to a power of two). Without compression, or with
/// `no_context_takeover`, it holds no heap memory at all. While a message is incomplete it also holds the
/// first `longest` bytes of it, and for a compressed one about 11 KiB of decoder state, borrowed from a
/// [`Workspace`].
///
/// With context takeover every message must be inflated to its end, which an app or a client could abuse. So
/// a direction may inflate to at most 1 MiB, plus a window per message, plus 32 bytes per byte on the wire.
/// Beyond that, or if data that later messages refer to are corrupt, it gives up: its memory is freed, and
/// its compressed messages count as activity from then on. The session itself is not affected.
#[derive(Debug)]
pub struct MessageDecoder {
    /// The most bytes of a message that the judge needs.
    longest: u32,
    /// How many bytes may still be inflated before this direction gives up.
    credit: i64,
    /// The history for context takeover, if negotiated.
    window: Option<Box<Window>>,
    /// The incomplete message, unless the rest of it does not matter.
    partial: Option<Box<PartialMessage>>,
    /// How messages with RSV1 are compressed; `None` = they cannot be read.
    deflate: Option<Deflate>,
    undecodable: bool,
    /// Inside a control frame.
    control: bool,
    /// The current data frame is the last of its message.
    fin: bool,
    /// The rest of this message does not matter.
    skip: bool,
}

const _: () = assert!(size_of::<MessageDecoder>() <= 40, "there are two for each session");

impl MessageDecoder {
    /// A decoder at the start of a connection. `longest`: the most bytes of a message that the judge needs,
    /// above 0. `deflate`: how this direction is compressed; `None` if it is not, or cannot or should not be
    /// followed. A message with a reserved bit is activity then.
    #[must_use]
    pub fn new(longest: usize, deflate: Option<Deflate>) -> MessageDecoder {
        MessageDecoder {
            longest: u32::try_from(longest).unwrap_or(u32::MAX),
            credit: CREDIT,
            window: None,
            partial: None,
            deflate,
            undecodable: false,
            control: false,
            fin: false,
            skip: false,
        }
    }

    /// Whether compressed messages can no longer be decoded: see the type.
    #[must_use]
    pub fn undecodable(&self) -> bool {
        self.undecodable
    }

    /// Bytes of history and of incomplete messages held now.
    #[must_use]
    pub fn held(&self) -> usize {
        let window = self.window.as_ref().map_or(0, |window| window.held());
        window + self.partial.as_ref().map_or(0, |partial| partial.held())
    }

    fn longest(&self) -> usize {
        self.longest as usize
    }

    /// Processes the next chunk from the parser, with its payload as on the wire. Temporary memory comes from
    /// `workspace`.
    ///
    /// Returns one judgement for each message, never `Undecided`: as soon as `judge` returns one, or at the
    /// latest when the message has ended or is longer than `longest`, `Activity(None)`. `judge` gets the
    /// message's opcode and its first bytes (at most `longest`). It is called again only when twice as many
    /// bytes have arrived, or the last ones.
    #[inline]
    pub fn chunk(
        &mut self,
        workspace: &Workspace,
        chunk: &Chunk,
        payload: &[u8],
        mut judge: impl FnMut(Opcode, &Payload<'_>) -> Judgement,
    ) -> Option<Judgement> {
        let Some(header) = &chunk.header else {
            if self.control {
                self.control = !chunk.ends;
                return None;
            }
            return self.go_on(workspace, payload, self.fin && chunk.ends, &mut judge);
        };
        let start = header.start;
        if start.opcode.is_control() {
            self.control = !chunk.ends;
            return None;
        }
        self.fin = start.fin;
        let last = self.fin && chunk.ends;
        if start.opcode != Opcode::Continuation {
            return self.open(workspace, header, payload, last, &mut judge);
        }
        if start.rsv != 0 && self.deflate.is_none() && self.partial.take().is_some() {
            // An unknown extension has changed this frame only.
            self.skip = !last;
            return Some(Judgement::Activity(None));
        }
        if let Some(partial) = &mut self.partial {
            partial.go_on(header);
        }
        self.go_on(workspace, payload, last, &mut judge)
    }

    /// The first chunk of a message.
    #[inline]
    fn open(
        &mut self,
        workspace: &Workspace,
        header: &Header,
        payload: &[u8],
        last: bool,
        judge: &mut impl FnMut(Opcode, &Payload<'_>) -> Judgement,
    ) -> Option<Judgement> {
        self.skip = !last;
        let Start { opcode, rsv, fin, .. } = header.start;
        let compressed = match (rsv, self.deflate) {
            (0, _) => false,
            (inflate::RSV, Some(deflate)) => {
                self.add_credit(partial::window_size(deflate));
                true
            }
            _ => return Some(Judgement::Activity(None)),
        };
        let longest = self.longest();
        if !compressed && (last || !payload.is_empty()) {
            let head = payload.get(..longest).unwrap_or(payload);
            let (seen, scratch) = (Masked::new(head, header.mask), Some(&workspace.scratch));
            let shown = Payload::new(seen, header.length, fin).with_scratch(scratch);
            let judgement = judge(opcode, &shown);
            shown.give_back();
            if last || payload.len() > longest || judgement != Judgement::Undecided {
                return Some(settled(judgement));
            }
        }
        self.skip = false;
        let mut partial = PartialMessage::take(workspace, header, compressed);
        if compressed {
            self.partial = Some(partial);
            return self.go_on(workspace, payload, last, judge);
        }
        partial.add(payload, longest);
        partial.looked();
        self.partial = Some(partial);
        None
    }

    /// A further chunk of an incomplete message.
    fn go_on(
        &mut self,
        workspace: &Workspace,
        payload: &[u8],
        last: bool,
        judge: &mut impl FnMut(Opcode, &Payload<'_>) -> Judgement,
    ) -> Option<Judgement> {
        if self.skip {
            self.skip = !last;
            return None;
        }
        let mut partial = self.partial.take()?;
        let longest = self.longest();
        let deflate = self.deflate.filter(|_| partial.compressed);
        let read = match deflate {
            None => {
                partial.add(payload, longest);
                Ok(())
            }
            Some(deflate) => {
                self.add_credit(payload.len().saturating_mul(RATIO));
                let window = deflate.takeover.then(|| &mut **self.window.get_or_insert_default());
                let limits = (deflate, longest);
                partial.inflate(payload, last, limits, window, &mut self.credit)
            }
        };
        let judgement = partial.look(longest, last || read.is_err(), last && read.is_ok(), judge);
        let takeover = deflate.is_some_and(|deflate| deflate.takeover);
        // Without context takeover, messages after a corrupt one can still be read.
        if read.is_err() && (takeover || self.credit < 0) {
            self.give_up();
        }
        // A message that later ones may refer to must be read to its end.
        let history = read.is_ok() && takeover;
        if last || (partial.judged && !history) {
            self.skip = !last;
            workspace.keep(partial);
        } else {
            self.partial = Some(partial);
        }
        judgement
    }

    fn add_credit(&mut self, bytes: usize) {
        self.credit = self.credit.saturating_add_unsigned(bytes as u64);
    }

    fn give_up(&mut self) {
        self.undecodable = true;
        self.deflate = None;
        self.window = None;
    }
}

/// The verdict of a judge that has seen everything it will see: undecided means that no rule matched.
fn settled(judgement: Judgement) -> Judgement {
    match judgement {
        Judgement::Undecided => Judgement::Activity(None),
        decided => decided,
    }
}

#[cfg(test)]
mod tests;
