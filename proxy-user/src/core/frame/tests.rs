//! The parser, tested with a frame writer that shares no code with it.

use proptest::prelude::*;

use super::*;

const LOOSE: Rules = Rules { masked: false, rsv: 7, max_frame: u64::MAX };

/// A frame as its sender sees it.
#[derive(Clone, Debug)]
struct Written {
    fin: bool,
    rsv: u8,
    opcode: u8,
    payload: Vec<u8>,
}

#[allow(clippy::cast_possible_truncation, reason = "the arms bound the lengths")]
fn write(frame: &Written, mask: Option<[u8; 4]>) -> Vec<u8> {
    let mut bytes = vec![u8::from(frame.fin) * 128 + frame.rsv * 16 + frame.opcode];
    let flag = if mask.is_some() { 128 } else { 0 };
    match frame.payload.len() {
        short @ 0..126 => bytes.push(flag + short as u8),
        medium @ 126..65_536 => {
            bytes.push(flag + 126);
            bytes.extend((medium as u16).to_be_bytes());
        }
        long => {
            bytes.push(flag + 127);
            bytes.extend((long as u64).to_be_bytes());
        }
    }
    bytes.extend(mask.into_iter().flatten());
    bytes.extend(&frame.payload);
    bytes
}

/// Feeds `bytes` split at `cuts`, as a caller would: what is not consumed is passed again. Returns the
/// headers, the number of frames that ended, and what was left over.
fn feed(
    parser: &mut Parser,
    bytes: &[u8],
    cuts: &[usize],
) -> Result<(Vec<Header>, usize, usize), Violation> {
    let (mut headers, mut ended, mut consumed) = (Vec::new(), 0, 0);
    let ends = cuts.iter().map(|cut| cut % (bytes.len() + 1)).chain([bytes.len()]);
    for end in ends {
        while consumed < end {
            let Some(chunk) = parser.next(&bytes[consumed..end])? else { break };
            headers.extend(chunk.header);
            ended += usize::from(chunk.ends);
            consumed += chunk.size;
        }
    }
    Ok((headers, ended, bytes.len() - consumed))
}

fn any_payload() -> impl Strategy<Value = Vec<u8>> {
    let length =
        prop_oneof![0usize..4, 120usize..130, Just(65_535usize), Just(65_536usize), 0usize..70_000];
    length.prop_map(|length| vec![0xa5; length])
}

/// Messages, whole or fragmented with pings in between.
fn any_session() -> impl Strategy<Value = Vec<Written>> {
    let message = (1u8..3, 0u8..8, prop::collection::vec(any_payload(), 1..4), any::<bool>());
    prop::collection::vec(message, 0..5).prop_map(|messages| {
        let mut frames = Vec::new();
        for (opcode, rsv, parts, pings) in messages {
            let last = parts.len() - 1;
            for (part, payload) in parts.into_iter().enumerate() {
                let opcode = if part == 0 { opcode } else { 0 };
                frames.push(Written { fin: part == last, rsv, opcode, payload });
                if pings {
                    frames.push(Written { fin: true, rsv: 0, opcode: 9, payload: vec![7; 125] });
                }
            }
        }
        frames
    })
}

proptest! {
    #[test]
    fn any_split_gives_the_frames_that_were_written(
        frames in any_session(),
        mask in prop::option::of(any::<[u8; 4]>()),
        mut cuts in prop::collection::vec(any::<usize>(), 0..40),
    ) {
        let bytes: Vec<u8> = frames.iter().flat_map(|frame| write(frame, mask)).collect();
        cuts.iter_mut().for_each(|cut| *cut %= bytes.len() + 1);
        cuts.sort_unstable();
        let mut parser = Parser::new(Rules { masked: mask.is_some(), ..LOOSE });
        let (headers, ended, left) = feed(&mut parser, &bytes, &cuts).unwrap();
        prop_assert_eq!((headers.len(), ended, left), (frames.len(), frames.len(), 0));
        prop_assert!(parser.at_boundary());
        for (header, frame) in headers.iter().zip(&frames) {
            prop_assert_eq!(header.start.fin, frame.fin);
            prop_assert_eq!(header.start.rsv, frame.rsv);
            prop_assert_eq!(header.start.opcode as u8, frame.opcode);
            prop_assert_eq!(header.length, frame.payload.len() as u64);
            prop_assert_eq!(header.mask, mask);
        }
    }

    #[test]
    fn no_bytes_panic_and_every_chunk_is_inside_them(bytes: Vec<u8>, masked: bool) {
        let mut parser = Parser::new(Rules { masked, rsv: 0, max_frame: 1 << 20 });
        let mut consumed = 0;
        while let Ok(Some(chunk)) = parser.next(&bytes[consumed..]) {
            prop_assert!(chunk.size > 0);
            consumed += chunk.size;
            prop_assert!(consumed <= bytes.len());
        }
    }

    #[test]
    fn one_byte_at_a_time_finds_the_same_fault(bytes: Vec<u8>, masked: bool) {
        let rules = Rules { masked, rsv: 4, max_frame: 1 << 20 };
        let at_once = feed(&mut Parser::new(rules), &bytes, &[]);
        let cuts: Vec<usize> = (1..=bytes.len()).collect();
        let stepped = feed(&mut Parser::new(rules), &bytes, &cuts);
        prop_assert_eq!(at_once.map(|found| found.0), stepped.map(|found| found.0));
    }
}

#[test]
fn each_violation_is_named() {
    use Violation::*;
    let strict = Rules { masked: false, rsv: 4, max_frame: 1000 };
    let find = |rules, bytes: &[u8]| feed(&mut Parser::new(rules), bytes, &[]).unwrap_err();
    let masked = Rules { masked: true, ..strict };
    assert_eq!(find(masked, &[0x81, 0x01, b'x']), Unmasked);
    assert_eq!(find(strict, &[0x81, 0x81]), Masked);
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        assert_eq!(find(strict, &[0x80 | opcode, 0]), UnknownOpcode(opcode));
    }
    assert_eq!(find(strict, &[0xa1, 0]), ReservedBits(2));
    assert_eq!(
        find(strict, &[0xc9, 0]),
        ReservedBits(4),
        "no extension applies to a control frame"
    );
    assert_eq!(find(strict, &[0x09, 0]), FragmentedControl(Opcode::Ping));
    assert_eq!(find(strict, &[0x8a, 126]), LongControl(Opcode::Pong));
    assert_eq!(find(strict, &[0x88, 1]), ShortClose);
    assert_eq!(find(strict, &[0x82, 127, 0x80]), LengthTopBit, "before the rest of it arrives");
    assert_eq!(find(strict, &[0x82, 126, 0, 125]), LongLength(125));
    assert_eq!(find(strict, &[0x82, 127, 0, 0, 0, 0, 0, 0, 255, 255]), LongLength(65_535));
    assert_eq!(find(strict, &[0x80, 0]), OrphanContinuation);
    assert_eq!(find(strict, &[0x01, 0, 0x82, 0]), InterleavedMessage);
    assert_eq!(find(strict, &[0x41, 0, 0xc0, 0]), ReservedBits(4), "only a message's first frame");
    let big = find(strict, &[0x82, 126, 3, 233]);
    assert_eq!(big, TooBig { length: 1001, limit: 1000 });
    assert_eq!((big.close_code(), Masked.close_code()), (1009, 1002));
}

#[test]
fn a_close_frame_reads_as_one() {
    assert_eq!(close_frame(1001, "gone", None), b"\x88\x06\x03\xe9gone");
    let key = [1, 2, 3, 4];
    let masked = close_frame(1001, "gone", Some(key));
    assert_eq!(masked[..6], [0x88, 0x86, 1, 2, 3, 4]);
    let plain: Vec<u8> =
        masked[6..].iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
    assert_eq!(plain, b"\x03\xe9gone");
    let long = close_frame(1000, &"ü".repeat(100), None);
    assert_eq!(long.len(), 2 + 2 + 122, "cut between characters, 125 bytes at most");
}

proptest! {
    #[test]
    fn our_own_frames_read_as_they_were_meant(
        payload in prop::collection::vec(any::<u8>(), 0..300),
        mask in prop::option::of(any::<[u8; 4]>()),
    ) {
        let frame = own_frame(Opcode::Binary, &payload, mask);
        let written = Written { fin: true, rsv: 0, opcode: 2, payload };
        let key = mask.unwrap_or_default();
        let header = frame.len() - written.payload.len();
        let plain: Vec<u8> =
            frame[header..].iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
        prop_assert_eq!(&plain, &written.payload);
        prop_assert_eq!(&frame[..header], &write(&written, mask)[..header]);
    }
}
