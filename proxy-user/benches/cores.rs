//! What the pure machines on a frame's way cost: the parser, the gate, and the look at a leg.
//! `cargo bench -p proxy-user --bench cores`; the matcher has a benchmark of its own.

#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark may stop where it stands")]

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ebbtide::core::frame::{Opcode, Parser, Rules, own_frame};
use ebbtide::core::gate::{Gate, Reason};
use ebbtide::core::stall::{Sample, TcpState, Watch};
use ebbtide::core::time::Nanos;

/// What one read takes at most.
const BUFFER: usize = 64 * 1024;
const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
const GRACE: Duration = Duration::from_secs(30);

/// As many frames of this payload as fit into one read, and how many that are.
fn frames(payload: usize, mask: Option<[u8; 4]>) -> (Vec<u8>, u64) {
    let frame = own_frame(Opcode::Binary, &vec![7; payload], mask);
    let count = BUFFER / frame.len();
    (frame.repeat(count), count as u64)
}

/// Follows whole frames; how many they were.
fn follow(parser: &mut Parser, mut bytes: &[u8]) -> u64 {
    let mut count = 0;
    while let Some(chunk) = parser.next(bytes).unwrap() {
        bytes = &bytes[chunk.size..];
        count += u64::from(chunk.ends);
    }
    count
}

fn parser(bench: &mut Criterion) {
    for (label, payload) in [("16 KiB", 16 * 1024), ("64 B", 64), ("8 B", 8)] {
        for (side, mask) in [("client", Some(KEY)), ("app", None)] {
            let mut group = bench.benchmark_group("parser");
            let (bytes, count) = frames(payload, mask);
            group.throughput(match payload {
                1024.. => Throughput::Bytes(bytes.len() as u64),
                _ => Throughput::Elements(count),
            });
            let rules = Rules { masked: mask.is_some(), rsv: 0, max_frame: u64::MAX };
            let mut parser = Parser::new(rules);
            group.bench_function(format!("frames of {label} from the {side}"), |bench| {
                bench.iter(|| assert_eq!(follow(&mut parser, black_box(&bytes)), count));
            });
            group.finish();
        }
    }
}

fn gate(bench: &mut Criterion) {
    let (gate, mut now) = (Gate::default(), Nanos(0));
    bench.bench_function("gate: a moment that has seen activity", |bench| {
        gate.touch(Nanos(u64::MAX >> 3), Reason::Input);
        bench.iter(|| black_box(&gate).touch(black_box(Nanos(1)), Reason::Input));
    });
    let gate = Gate::default();
    bench.bench_function("gate: a new moment each time", |bench| {
        bench.iter(|| {
            now = now + Duration::from_millis(5);
            black_box(&gate).touch(now, Reason::Input);
        });
    });
}

fn verdict(bench: &mut Criterion) {
    let sample = |queued, acked| Sample {
        state: TcpState::Established,
        acked,
        received: 0,
        queued,
        progress: Nanos(acked),
        window: 65_535,
        rtt_us: 100,
        retransmits: 0,
        timeouts: 0,
    };
    for (label, queued, step) in
        [("nothing waits", 0, 0), ("it waits and moves", 9, 1), ("it stands still", 9, 0)]
    {
        let (mut watch, mut acked) = (Watch::default(), 1);
        bench.bench_function(&format!("verdict: {label}"), |bench| {
            bench.iter(|| {
                acked += step;
                watch.look(&black_box(sample(queued, acked)), false, Nanos(acked), GRACE)
            });
        });
    }
}

criterion_group!(benches, parser, gate, verdict);
criterion_main!(benches);
