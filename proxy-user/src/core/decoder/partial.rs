//! An incomplete message. Must not know about earlier messages.

use super::inflate::{Inflater, Unreadable, Window};
use super::{Workspace, settled};
use crate::core::extension::Deflate;
use crate::core::frame::{Header, Opcode};
use crate::core::pack::Judgement;
use crate::core::payload::{Masked, Payload, advance, apply};

/// A text longer than this, in bytes, is freed rather than kept.
const KEPT_TEXT: usize = 64 * 1024;
/// How many bytes of a compressed message are unmasked at a time.
const PIECE: usize = 1024;

#[derive(Debug)]
pub(super) struct PartialMessage {
    opcode: Opcode,
    pub(super) compressed: bool,
    /// The message has been judged.
    pub(super) judged: bool,
    /// The masking key, rotated for the next byte of the frame.
    key: Option<[u8; 4]>,
    /// The message's first bytes.
    text: Vec<u8>,
    /// Length of the message so far, in bytes.
    length: u64,
    /// For an uncompressed message: its minimum length.
    least: u64,
    /// Whether that is also its maximum length.
    ends: bool,
    /// The judge is called again when `text` is this long.
    next_look: usize,
    inflater: Inflater,
    /// The window of a compressed message without context takeover.
    own: Window,
}

impl PartialMessage {
    /// A message of which nothing has been read.
    pub(super) fn take(
        workspace: &Workspace,
        header: &Header,
        compressed: bool,
    ) -> Box<PartialMessage> {
        let (opcode, key) = (header.start.opcode, header.mask);
        let mut partial = workspace.take().unwrap_or_else(|| {
            Box::new(PartialMessage {
                opcode,
                compressed,
                judged: false,
                key,
                text: Vec::new(),
                length: 0,
                least: 0,
                ends: false,
                next_look: 1,
                inflater: Inflater::default(),
                own: Window::default(),
            })
        });
        (partial.opcode, partial.compressed, partial.judged) = (opcode, compressed, false);
        (partial.length, partial.next_look) = (0, 1);
        partial.text.clear();
        partial.go_on(header);
        if compressed {
            partial.inflater.start();
            partial.own.clear();
        }
        partial
    }

    /// The next frame of the message begins.
    pub(super) fn go_on(&mut self, header: &Header) {
        self.key = header.mask;
        self.least = self.length.saturating_add(header.length);
        self.ends = header.start.fin;
    }

    /// The judge has been called, and must not be called again for every small piece that follows.
    pub(super) fn looked(&mut self) {
        self.next_look = self.text.len().saturating_mul(2).max(1);
    }

    /// Whether it is small enough to be kept for another message.
    pub(super) fn is_small(&self) -> bool {
        self.text.capacity() <= KEPT_TEXT
    }

    /// Heap memory, in bytes.
    pub(super) fn held(&self) -> usize {
        size_of::<PartialMessage>() + self.text.capacity() + self.inflater.held() + self.own.held()
    }

    /// Adds a part of an uncompressed message. Only the first `longest` bytes are needed.
    pub(super) fn add(&mut self, payload: &[u8], longest: usize) {
        let start = self.text.len();
        let wanted = payload.len().min(longest.saturating_sub(start));
        self.text.extend_from_slice(&payload[..wanted]);
        if let Some(key) = &mut self.key {
            apply(&mut self.text[start..], *key);
            *key = advance(*key, payload.len());
        }
        self.length = self.length.saturating_add(payload.len() as u64);
    }

    /// Adds a part of a compressed message: inflates all of it if `window` is given, otherwise only as much
    /// as is needed. The output is deducted from `credit`.
    pub(super) fn inflate(
        &mut self,
        payload: &[u8],
        last: bool,
        (deflate, longest): (Deflate, usize),
        window: Option<&mut Window>,
        credit: &mut i64,
    ) -> Result<(), Unreadable> {
        let PartialMessage { text, length, inflater, own, key, judged, .. } = self;
        let longest = if *judged { 0 } else { longest };
        let history = window.is_some();
        let window = window.unwrap_or(own);
        let mut take = |new: &[u8]| {
            let wanted = new.len().min(longest.saturating_sub(text.len()));
            text.extend_from_slice(&new[..wanted]);
            *length = length.saturating_add(new.len() as u64);
            *credit = credit.saturating_sub_unsigned(new.len() as u64);
            *credit >= 0 && (history || *length <= longest as u64)
        };
        let size = window_size(deflate);
        match key {
            None => inflater.feed(payload, window, size, &mut take)?,
            Some(key) => {
                let mut scratch = [0; PIECE];
                for piece in payload.chunks(PIECE) {
                    let clear = &mut scratch[..piece.len()];
                    clear.copy_from_slice(piece);
                    apply(clear, *key);
                    *key = advance(*key, piece.len());
                    inflater.feed(clear, window, size, &mut take)?;
                }
            }
        }
        if last {
            inflater.finish(window, size, &mut take)?;
        }
        if *credit < 0 { Err(Unreadable) } else { Ok(()) }
    }

    /// Calls the judge if there is enough to judge. `over`: there is no more; `whole`: and all of it could be
    /// read.
    pub(super) fn look(
        &mut self,
        longest: usize,
        over: bool,
        whole: bool,
        judge: &mut impl FnMut(Opcode, &Payload<'_>) -> Judgement,
    ) -> Option<Judgement> {
        if self.judged {
            return None;
        }
        let over = over || self.length > longest as u64;
        if !over && self.text.len() < self.next_look {
            return None;
        }
        self.looked();
        // The length of a compressed message is only known at its end.
        let (least, ends) =
            if self.compressed { (self.length, whole) } else { (self.least, self.ends) };
        let payload = Payload::new(Masked::new(&self.text, None), least, ends);
        let judgement = judge(self.opcode, &payload);
        let judgement = if over { settled(judgement) } else { judgement };
        self.judged = judgement != Judgement::Undecided;
        self.judged.then_some(judgement)
    }
}

/// The window's size in bytes. Compressors that were told 8 bits may use 9, as zlib does.
pub(super) fn window_size(deflate: Deflate) -> usize {
    1 << deflate.window_bits.clamp(9, 15)
}
