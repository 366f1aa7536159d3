//! Whatever the frames, the compression and the cuts: one judgement for each message, the same however
//! the bytes were split, and bounded memory.
#![no_main]

use ebbtide::core::decoder::{MessageDecoder, Workspace};
use ebbtide::core::extension::Deflate;
use ebbtide::core::frame::{Parser, Rules};
use ebbtide::core::pack::{Judgement, RuleIndex};
use libfuzzer_sys::fuzz_target;

/// A judge that wants to see so much of a message.
const LONGEST: usize = 256;
/// More than a window of 2^15, a decoder and a message's head.
const MOST_HELD: usize = 100 * 1024;

fuzz_target!(|data: &[u8]| {
    let [flags, pace, bytes @ ..] = data else { return };
    let window_bits = 8 + (flags & 7);
    let deflate = (flags & 8 != 0).then_some(Deflate { window_bits, takeover: flags & 16 != 0 });
    let masked = flags & 32 != 0;
    let whole = follow(bytes, deflate, masked, bytes.len().max(1));
    let split = follow(bytes, deflate, masked, usize::from(*pace).max(1));
    // A message that never ends has its judgement when enough of it was seen.
    let both = whole.len().min(split.len());
    assert_eq!(whole[..both], split[..both]);
});

fn follow(bytes: &[u8], deflate: Option<Deflate>, masked: bool, step: usize) -> Vec<Judgement> {
    let mut parser = Parser::new(Rules { masked, rsv: 4, max_frame: u64::MAX });
    let (mut decoder, workspace) = (MessageDecoder::new(LONGEST, deflate), Workspace::default());
    let (mut judgements, mut consumed, mut shown) = (Vec::new(), 0, 0);
    while shown < bytes.len() {
        shown = (shown + step).min(bytes.len());
        while let Ok(Some(chunk)) = parser.next(&bytes[consumed..shown]) {
            let start = chunk.header.map_or(0, |header| header.size);
            let payload = &bytes[consumed + start..consumed + chunk.size];
            judgements.extend(decoder.chunk(&workspace, &chunk, payload, |_, shown| {
                let (text, whole) = (shown.plain(), shown.is_whole());
                assert!(text.len() <= LONGEST);
                match (text.first(), whole) {
                    (Some(b'3'), true) => Judgement::Ignored(RuleIndex(3)),
                    (Some(b'3') | None, false) => Judgement::Undecided,
                    _ => Judgement::Activity(None),
                }
            }));
            assert!(decoder.held() <= MOST_HELD, "{}", decoder.held());
            consumed += chunk.size;
        }
    }
    assert!(!judgements.contains(&Judgement::Undecided));
    judgements
}
