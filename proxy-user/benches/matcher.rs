//! What one message costs: from its frame on the wire to its judgement, by how many packs are loaded and by
//! how it is compressed. `cargo bench -p proxy-user --bench matcher`; `docs/packs.md` has the figures.

#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark may stop where it stands")]

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ebbtide::core::decoder::{MessageDecoder, Workspace};
use ebbtide::core::extension::Deflate;
use ebbtide::core::frame::{Opcode, Parser, Rules, own_frame};
use ebbtide::core::pack::{Context, Judgement, Message, Opening, RuleBook, RuleSet};
use ebbtide::packs::Packs;
use flate2::{Compress, Compression, FlushCompress};

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
const SOCKET_IO: Opening<'_> =
    Opening { path: "/socket.io/", query: "EIO=4", subprotocol: None, unattended: false };
const STREAMLIT: Opening<'_> = Opening {
    path: "/_stcore/stream",
    query: "",
    subprotocol: Some("streamlit"),
    unattended: false,
};

fn book(names: &[&str]) -> RuleBook {
    let packs = Packs::open(None).unwrap();
    let names: Vec<String> = match names {
        ["all"] => packs.iter().map(|file| file.pack.name.to_string()).collect(),
        names => names.iter().map(|&name| name.to_owned()).collect(),
    };
    packs.book(&names).unwrap()
}

/// One direction of a connection.
struct Way {
    parser: Parser,
    looks: Option<(RuleSet, MessageDecoder)>,
    workspace: Workspace,
}

impl Way {
    fn new(book: &RuleBook, opening: &Opening<'_>, deflate: Option<Deflate>) -> Way {
        let rules = book.connection(opening).input;
        let parser = Parser::new(Rules { masked: true, rsv: 4, max_frame: u64::MAX });
        let looks = (rules.longest() > 0)
            .then(|| (rules.clone(), MessageDecoder::new(rules.longest(), deflate)));
        Way { parser, looks, workspace: Workspace::default() }
    }

    fn judge(&mut self, book: &RuleBook, bytes: &[u8]) -> Option<Judgement> {
        let chunk = self.parser.next(bytes).unwrap().unwrap();
        let start = chunk.header.map_or(0, |header| header.size);
        let (rules, decoder) = self.looks.as_mut()?;
        decoder.chunk(&self.workspace, &chunk, &bytes[start..chunk.size], |opcode, payload| {
            let age = Duration::from_secs(60);
            rules.judge(
                book,
                &Message { opcode, payload, age, first: false, context: Context::default() },
            )
        })
    }
}

/// Streamlit's rerun_script (11) with widget states (2) of so many bytes and nothing else.
fn clicked(size: usize) -> Vec<u8> {
    let field = |number: u8, body: &[u8]| {
        let length = [body.len() & 0x7f | 0x80, body.len() >> 7 & 0x7f | 0x80, body.len() >> 14];
        let length = length.map(|byte| u8::try_from(byte).unwrap());
        [&[number << 3 | 2][..], &length, body].concat()
    };
    own_frame(Opcode::Binary, &field(11, &field(2, &vec![7; size])), Some(KEY))
}

fn loaded(bench: &mut Criterion) {
    let mut group = bench.benchmark_group("message");
    let heartbeat = own_frame(Opcode::Text, b"3", Some(KEY));
    let click = own_frame(Opcode::Text, b"42[\"click\",{\"button\":1}]", Some(KEY));
    let streamlit = own_frame(Opcode::Binary, &[0x88, 0x01, 0x01], Some(KEY));
    for (label, names) in [
        ("no pack", &[][..]),
        ("one pack", &["socketio"]),
        ("auto", &["auto"]),
        ("all packs", &["all"]),
    ] {
        let book = book(names);
        let mut way = Way::new(&book, &SOCKET_IO, None);
        group.bench_function(format!("{label}: heartbeat"), |bench| {
            bench.iter(|| way.judge(&book, black_box(&heartbeat)));
        });
        group.bench_function(format!("{label}: click"), |bench| {
            bench.iter(|| way.judge(&book, black_box(&click)));
        });
    }
    let book = book(&["auto"]);
    let mut way = Way::new(&book, &STREAMLIT, None);
    group.bench_function("auto: Streamlit's heartbeat", |bench| {
        bench.iter(|| way.judge(&book, black_box(&streamlit)));
    });
    for (label, size) in [("64 B", 64), ("16 KiB", 16 << 10)] {
        let clicked = clicked(size);
        group.bench_function(format!("auto: a click of Streamlit's, {label}"), |bench| {
            bench.iter(|| way.judge(&book, black_box(&clicked)));
        });
    }
    group.bench_function("auto: a connection's rules", |bench| {
        bench.iter(|| book.connection(black_box(&STREAMLIT)));
    });
    group.finish();
}

/// Messages of one deflater, `count` of them.
fn compressed(text: &[u8], count: usize) -> Vec<Vec<u8>> {
    let mut deflater = Compress::new(Compression::new(6), false);
    let mut frame = || {
        let mut bytes = Vec::with_capacity(text.len() + 1024);
        deflater.compress_vec(text, &mut bytes, FlushCompress::Sync).unwrap();
        bytes.truncate(bytes.len() - 4);
        let mut frame = own_frame(Opcode::Text, &bytes, Some(KEY));
        frame[0] |= 0x40;
        frame
    };
    (0..count).map(|_| frame()).collect()
}

fn deflated(bench: &mut Criterion) {
    let mut group = bench.benchmark_group("compressed");
    let book = book(&["auto"]);
    let way = |takeover| {
        let deflate = Deflate { takeover, ..Deflate::default() };
        Way::new(&book, &SOCKET_IO, Some(deflate))
    };
    // The first is complete in itself, the second refers to it for ever.
    let heartbeats = compressed(b"3", 2);
    let mut with = way(true);
    with.judge(&book, &heartbeats[0]);
    group.bench_function("heartbeat with takeover", |bench| {
        bench.iter(|| with.judge(&book, black_box(&heartbeats[1])));
    });
    let mut without = way(false);
    group.bench_function("heartbeat without takeover", |bench| {
        bench.iter(|| without.judge(&book, black_box(&heartbeats[0])));
    });
    // Text of the kind that apps send: numbers between the same words.
    let chart: String =
        (0..1500).map(|n| format!("{{\"x\":{n},\"y\":{}}},", n * 7919 % 1000)).collect();
    group.throughput(Throughput::Bytes(chart.len() as u64));
    let chart = compressed(chart.as_bytes(), 2);
    let mut with = way(true);
    with.judge(&book, &chart[0]);
    group.bench_function("27 KB of JSON with takeover", |bench| {
        bench.iter(|| with.judge(&book, black_box(&chart[1])));
    });
    let mut without = way(false);
    group.bench_function("27 KB of JSON without takeover", |bench| {
        bench.iter(|| without.judge(&book, black_box(&chart[0])));
    });
    group.finish();
}

criterion_group!(benches, loaded, deflated);
criterion_main!(benches);
