//! Turns the frames of one direction of one connection into judged messages: unmasked (RFC 6455
//! section 5.3), joined (section 5.4) and inflated (RFC 7692), as far as their judge needs them.
//!
//! A message that is not compressed is judged where it lies, as it stands on the wire; it is copied
//! only when it comes in pieces and the first of them did not tell.
//!
//! It follows what passes and never decides whether it may: what it cannot read counts as activity,
//! and whether a message is well-formed is for the two ends to say.

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

/// Bytes that the compressed messages of a direction may inflate to beyond what their size on the
/// wire allows.
const CREDIT: i64 = 1 << 20;
/// What each byte on the wire adds to that. DEFLATE reaches 1032; text seldom passes 20, but for a
/// message that repeats another, so that each also adds a window's size.
const RATIO: usize = 32;

/// One direction of a connection.
///
/// Between messages it holds nothing but the history that compressed messages refer to: at most the
/// negotiated window, and of that only as much as has been filled (to the next power of two). A
/// direction without compression, or with `no_context_takeover`, holds no heap memory at all. While a
/// message is incomplete it also holds its first `longest` bytes, and for a compressed one about
/// 11 KiB of decoder, which it takes from a [`Workspace`] and gives back.
///
/// Where messages refer to each other every one of them must be inflated to its end, and an app or a
/// client could make that a burden: a direction may inflate to 1 MiB, a window for each message, and
/// 32 bytes for each byte on the wire. Beyond that, and where data that others refer to are corrupt, it
/// gives up: its memory is freed, and its compressed messages are activity from then on. The session is none the
/// worse for it.
#[derive(Debug)]
pub struct MessageDecoder {
    /// Most bytes of a message that its judge needs.
    longest: u32,
    /// What is left before this direction gives up, in bytes.
    credit: i64,
    /// The history of the messages before; none without takeover.
    window: Option<Box<Window>>,
    /// The message whose end has not come, unless nothing more of it matters.
    partial: Option<Box<PartialMessage>>,
    /// How messages with RSV1 are compressed; `None` = they cannot be read.
    deflate: Option<Deflate>,
    undecodable: bool,
    /// Inside a control frame.
    control: bool,
    /// The data frame at hand is the last of its message.
    fin: bool,
    /// Nothing of this message matters any more.
    skip: bool,
}

const _: () = assert!(size_of::<MessageDecoder>() <= 40, "there are two for each session");

impl MessageDecoder {
    /// A decoder at the start of a connection. `longest`: most bytes of a message that its judge needs,
    /// above 0. `deflate`: how this direction compresses; `None` where nothing was negotiated and
    /// where it shall not or cannot be followed: a message with a reserved bit is activity then.
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

    /// Compressed messages cannot be followed any more: see the type.
    #[must_use]
    pub fn undecodable(&self) -> bool {
        self.undecodable
    }

    /// Bytes of history and of messages under way that are held now.
    #[must_use]
    pub fn held(&self) -> usize {
        let window = self.window.as_ref().map_or(0, |window| window.held());
        window + self.partial.as_ref().map_or(0, |partial| partial.held())
    }

    fn longest(&self) -> usize {
        self.longest as usize
    }

    /// Shows the next chunk as the parser found it, with its payload as it stands on the wire. Memory
    /// that it needs for a while comes from `workspace`.
    ///
    /// Gives one judgement for each message, never `Undecided`: as soon as `judge` has one, at the
    /// latest when the message has ended or is longer than `longest`, and `Activity(None)` if none
    /// came until then. `judge` sees the message's opcode and its first bytes (at most `longest`); it
    /// is asked again only when there are twice as many, or the last.
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
            // An extension that is not known here has done something to this frame alone.
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

    /// More of the message whose end has not come.
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
        // Where no message refers to another, those behind a broken one can be read.
        if read.is_err() && (takeover || self.credit < 0) {
            self.give_up();
        }
        // What the messages behind it may refer to must be read to its end.
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

/// A judge that has seen all that it will see and knows no rule.
fn settled(judgement: Judgement) -> Judgement {
    match judgement {
        Judgement::Undecided => Judgement::Activity(None),
        decided => decided,
    }
}

#[cfg(test)]
mod tests;
