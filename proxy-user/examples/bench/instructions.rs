//! Work for an instruction counter: `instructions CASE COUNT` does one thing COUNT times. The difference
//! between two counts is the work's own, without what comes before and after.

use std::{hint::black_box, time::Duration};

use ebbtide::{
    core::{
        decoder::{MessageDecoder, Workspace},
        extension::Deflate,
        frame::{Opcode, Parser, Rules, own_frame},
        gate::{Gate, Reason},
        pack::{Context, Judgement, Message, Opening},
        stall::{Sample, TcpState, Watch},
        time::Nanos,
    },
    packs::Packs,
};

use crate::message;

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A name, and what does its thing so many times.
type Case = (&'static str, fn(usize));

/// What can be counted.
pub(crate) const CASES: [Case; 11] = [
    ("parser: a frame of 64 B", |count| follow(&message::frame(64, true), count)),
    ("parser: a frame of 16 KiB", |count| follow(&message::frame(16 * 1024, true), count)),
    ("parser: the same in two reads", in_two_reads),
    ("matcher: a heartbeat, unmasked and matched", |count| judge(SOCKET_IO, b"3", true, count)),
    ("matcher: a click, unmasked and matched", |count| judge(SOCKET_IO, CLICK, false, count)),
    ("matcher: a person's message of 64 B", |count| streamlit(64, count)),
    ("matcher: a person's message of 16 KiB", |count| streamlit(16 * 1024, count)),
    ("gate: a moment that has seen activity", |count| touch(count, 0)),
    ("gate: a new moment", |count| touch(count, 5_000_000)),
    ("judgement: nothing waits", |count| look(count, 0)),
    ("judgement: something waits and moves", |count| look(count, 9)),
];
const CLICK: &[u8] = b"42[\"click\",{\"button\":1}]";

pub(crate) fn run(case: &str, count: usize) {
    let found = CASES.iter().find(|(name, _)| *name == case);
    let Some((_, work)) = found else { panic!("no case {case:?}") };
    work(count);
}

fn parser() -> Parser {
    Parser::new(Rules { masked: true, rsv: 4, max_frame: u64::MAX })
}

fn follow(frame: &[u8], count: usize) {
    let mut parser = parser();
    for _ in 0..count {
        let chunk = parser.next(black_box(frame)).unwrap().unwrap();
        assert!(black_box(chunk).ends);
    }
}

fn in_two_reads(count: usize) {
    let frame = message::frame(16 * 1024, true);
    let (head, tail) = frame.split_at(1000);
    let mut parser = parser();
    for _ in 0..count {
        assert!(!parser.next(black_box(head)).unwrap().unwrap().ends);
        assert!(parser.next(black_box(tail)).unwrap().unwrap().ends);
    }
}

/// A pack and a connection that it is for.
type Place = (&'static str, Opening<'static>);

const SOCKET_IO: Place = (
    "socketio",
    Opening { path: "/socket.io/", query: "EIO=4", subprotocol: None, unattended: false },
);
const STREAMLIT: Place = (
    "streamlit",
    Opening {
        path: "/_stcore/stream",
        query: "",
        subprotocol: Some("streamlit"),
        unattended: false,
    },
);

fn streamlit(size: usize, count: usize) {
    through(STREAMLIT, &message::frame(size, true), false, count);
}

fn judge(place: Place, payload: &[u8], machinery: bool, count: usize) {
    through(place, &own_frame(Opcode::Text, payload, Some(KEY)), machinery, count);
}

/// A message through parser, decoder and the rules of a pack.
fn through((pack, opening): Place, frame: &[u8], machinery: bool, count: usize) {
    let book = Packs::open(None).unwrap().book(&[pack.to_owned()]).unwrap();
    let rules = book.connection(&opening).input;
    let mut decoder = MessageDecoder::new(rules.longest(), None::<Deflate>);
    let (mut parser, workspace) = (parser(), Workspace::default());
    for _ in 0..count {
        let chunk = parser.next(black_box(frame)).unwrap().unwrap();
        let start = chunk.header.map_or(0, |header| header.size);
        let judgement =
            decoder.chunk(&workspace, &chunk, &frame[start..chunk.size], |opcode, payload| {
                let age = Duration::from_secs(60);
                rules.judge(
                    &book,
                    &Message { opcode, payload, age, first: false, context: Context::default() },
                )
            });
        assert_eq!(matches!(judgement, Some(Judgement::Ignored(_))), machinery);
    }
}

fn touch(count: usize, step: u64) {
    let gate = Gate::default();
    for turn in 0..count {
        black_box(&gate).touch(Nanos(black_box(turn as u64 * step)), Reason::Input);
    }
}

fn look(count: usize, queued: u64) {
    let mut watch = Watch::default();
    for turn in 0..count as u64 {
        let sample = Sample {
            state: TcpState::Established,
            acked: turn,
            received: 0,
            queued,
            progress: Nanos(turn),
            window: 65_535,
            rtt_us: 100,
            retransmits: 0,
            timeouts: 0,
        };
        let grace = Duration::from_secs(30);
        black_box(watch.look(&black_box(sample), false, Nanos(turn), grace));
    }
}
