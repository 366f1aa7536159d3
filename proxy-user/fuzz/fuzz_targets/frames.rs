//! Whatever the bytes and however they are split: no panic, no chunk outside them, and the same
//! frames and the same fault as in one piece.
#![no_main]

use ebbtide::core::frame::{Header, Parser, Rules, Violation};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let [flags, pace, bytes @ ..] = data else { return };
    let max_frame = if flags & 16 == 0 { u64::MAX } else { 1000 };
    let rules = Rules { masked: flags & 8 != 0, rsv: flags & 7, max_frame };
    let whole = follow(rules, bytes, bytes.len().max(1));
    let split = follow(rules, bytes, usize::from(*pace).max(1));
    assert_eq!(whole, split);
});

/// Feeds `step` more bytes at a time, as a caller would that keeps what was not consumed.
fn follow(rules: Rules, bytes: &[u8], step: usize) -> (Vec<Header>, Result<usize, Violation>) {
    let mut parser = Parser::new(rules);
    let (mut headers, mut consumed, mut shown) = (Vec::new(), 0, 0);
    while shown < bytes.len() {
        shown = (shown + step).min(bytes.len());
        loop {
            match parser.next(&bytes[consumed..shown]) {
                Ok(Some(chunk)) => {
                    assert!(chunk.size > 0 && consumed + chunk.size <= shown);
                    consumed += chunk.size;
                    headers.extend(chunk.header);
                }
                Ok(None) => break,
                Err(violation) => return (headers, Err(violation)),
            }
        }
    }
    (headers, Ok(consumed))
}
