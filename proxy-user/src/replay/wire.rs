//! A recorded connection as the proxy would have seen it: its frames are encoded again, and pass through the
//! parser and the decoder of their direction to the rules.

use http::header::HeaderMap;

use super::recording::Frame;
use crate::core::decoder::{MessageDecoder, Workspace};
use crate::core::extension::{self, Deflate, Extensions};
use crate::core::frame::{Opcode, Parser, Rules, own_frame};
use crate::core::pack::{Connection, Context, Judgement, Message, MessageJudge, RuleBook};
use crate::core::payload::Payload;
use crate::core::side::Direction;
use crate::core::time::Nanos;
use crate::core::work::Sign;

/// How much of a longer message is replayed: more than any rule needs.
const LONGEST: usize = 65_535;
/// Any key will do: RFC 6455 section 5.3.
const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// One direction.
#[derive(Debug)]
struct Way {
    parser: Parser,
    /// `None` if there are no rules.
    decoder: Option<MessageDecoder>,
    masked: bool,
    compressed: bool,
    /// A message has been seen.
    begun: bool,
}

/// One connection.
#[derive(Debug)]
pub(super) struct Wire {
    opened: Nanos,
    judge: MessageJudge,
    input: Way,
    output: Way,
    pub(super) counts_output: bool,
    workspace: Workspace,
}

/// Which directions can be replayed compressed, because every byte of them was recorded.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Whole {
    pub(super) input: bool,
    pub(super) output: bool,
}

impl Wire {
    pub(super) fn new(
        connection: Connection,
        agreed: &HeaderMap,
        whole: Whole,
        opened: Nanos,
    ) -> Wire {
        let extensions = extension::negotiated(agreed);
        let Extensions { rsv, client, server } = extensions;
        let judge = MessageJudge::new(&connection);
        let way = |direction, deflate: Option<Deflate>, whole: bool, masked| {
            let longest = judge.longest(direction);
            let deflate = deflate.filter(|_| whole);
            Way {
                parser: Parser::new(Rules { masked, rsv, max_frame: u64::MAX }),
                decoder: (longest > 0).then(|| MessageDecoder::new(longest, deflate)),
                masked,
                compressed: deflate.is_some(),
                begun: false,
            }
        };
        Wire {
            opened,
            input: way(Direction::Input, client, whole.input, true),
            output: way(Direction::Output, server, whole.output, false),
            judge,
            counts_output: connection.counts_output,
            workspace: Workspace::default(),
        }
    }

    /// Sets the number of the connection, which has just been opened.
    pub(super) fn open(&mut self, conn: u64) {
        self.judge.open(conn);
    }

    /// Signs of work since the last call.
    pub(super) fn signs(&mut self) -> Vec<Sign> {
        self.judge.signs().map_or(Vec::new(), Iterator::collect)
    }

    /// Whether the newest message of the app is one that pages echo on other connections.
    pub(super) fn is_echoed(&self) -> bool {
        self.judge.is_echoed()
    }

    /// The judgement of a message; `None` for control frames. `context`: what came before on other
    /// connections.
    pub(super) fn frame(
        &mut self,
        book: &RuleBook,
        direction: Direction,
        frame: &Frame,
        now: Nanos,
        context: Context<'_>,
    ) -> Option<Judgement> {
        if frame.opcode.is_control() {
            return None;
        }
        let way = match direction {
            Direction::Input => &mut self.input,
            Direction::Output => &mut self.output,
        };
        let bytes = way.encode(frame);
        let age = now.since(self.opened);
        let first = !std::mem::replace(&mut way.begun, true);
        let Some(decoder) = &mut way.decoder else { return Some(Judgement::Activity(None)) };
        let rules = &mut self.judge;
        let judge = |opcode: Opcode, payload: &Payload<'_>| {
            rules.judge(book, direction, Message { opcode, payload, age, first, context })
        };
        let Ok(Some(chunk)) = way.parser.next(&bytes) else {
            return Some(Judgement::Activity(None));
        };
        let start = chunk.header.map_or(0, |header| header.size);
        decoder.chunk(
            &self.workspace,
            &chunk,
            bytes.get(start..chunk.size).unwrap_or_default(),
            judge,
        )
    }
}

impl Way {
    fn encode(&self, frame: &Frame) -> Vec<u8> {
        let mask = self.masked.then_some(KEY);
        if let (Some(deflated), true) = (&frame.deflated, self.compressed) {
            let mut bytes = own_frame(frame.opcode, deflated, mask);
            // RSV1: RFC 7692 section 6.
            bytes.iter_mut().take(1).for_each(|first| *first |= 0x40);
            return bytes;
        }
        // What the recording has cut off has a known length, but no contents.
        let length = usize::try_from(frame.length).unwrap_or(LONGEST).min(LONGEST);
        let mut payload = frame.payload.clone();
        payload.resize(length.max(payload.len()), 0);
        own_frame(frame.opcode, &payload, mask)
    }
}
