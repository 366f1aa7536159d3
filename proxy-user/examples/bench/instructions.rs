//! Work for an instruction counter: `instructions CASE COUNT` does one thing COUNT times. The difference
//! between two counts is the work's own, without what comes before and after.

use std::hint::black_box;

use ebbtide::core::{
    frame::{Parser, Rules},
    gate::{Gate, Reason},
    time::Nanos,
};

use crate::message;

pub(crate) fn run(case: &str, count: usize) {
    match case {
        "frame of 64 B" => follow(&message::frame(64, true), count),
        "frame of 16 KiB" => follow(&message::frame(16 * 1024, true), count),
        "gate" => {
            let gate = Gate::default();
            for turn in 0..count {
                black_box(&gate).touch(Nanos(black_box(turn as u64)), Reason::Input);
            }
        }
        other => panic!("no case {other:?}"),
    }
}

fn follow(frame: &[u8], count: usize) {
    let mut parser = Parser::new(Rules { masked: true, rsv: 0, max_frame: u64::MAX });
    for _ in 0..count {
        let chunk = parser.next(black_box(frame)).unwrap().unwrap();
        assert!(black_box(chunk).ends);
    }
}
