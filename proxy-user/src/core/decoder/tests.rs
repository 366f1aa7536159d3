//! The decoder, tested with real compressors and with a frame writer that shares no code with it.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use flate2::{Compress, Compression, FlushCompress};
use proptest::prelude::*;

use super::*;
use crate::core::frame::{Parser, Rules};
use crate::core::pack::RuleIndex;

/// A message as its sender sees it.
#[derive(Clone, Debug)]
struct Sent {
    text: bool,
    payload: Vec<u8>,
    compressed: bool,
    /// Its last block has the final bit set (RFC 7692 section 7.2.3.4).
    final_block: bool,
    /// Where it is split into frames.
    cuts: Vec<usize>,
    /// A ping follows each of its frames.
    pings: bool,
}

/// How one direction is encoded.
#[derive(Clone, Copy, Debug)]
struct Way {
    deflate: Deflate,
    level: u32,
    mask: Option<[u8; 4]>,
}

fn plain(payload: &[u8]) -> Sent {
    let payload = payload.to_vec();
    Sent { text: true, payload, compressed: false, final_block: false, cuts: vec![], pings: false }
}

fn frame(bytes: &mut Vec<u8>, first: u8, payload: &[u8], mask: Option<[u8; 4]>) {
    let flag = if mask.is_some() { 0x80 } else { 0 };
    bytes.push(first);
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(short @ 0..126), _) => bytes.push(flag + short),
        (_, Ok(medium)) => {
            bytes.push(flag + 126);
            bytes.extend(medium.to_be_bytes());
        }
        _ => {
            bytes.push(flag + 127);
            bytes.extend((payload.len() as u64).to_be_bytes());
        }
    }
    bytes.extend(mask.into_iter().flatten());
    let key = mask.unwrap_or_default();
    bytes.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
}

/// The compressed payload of a message.
fn deflated(compress: &mut Compress, message: &Sent, takeover: bool) -> Vec<u8> {
    if message.payload.is_empty() && !message.final_block {
        return vec![0];
    }
    let ending = if message.final_block { FlushCompress::Finish } else { FlushCompress::Sync };
    let mut body = Vec::new();
    let before = compress.total_in();
    loop {
        body.reserve(1024);
        let read = usize::try_from(compress.total_in() - before).unwrap();
        compress.compress_vec(&message.payload[read..], &mut body, ending).unwrap();
        if body.len() < body.capacity() {
            break;
        }
    }
    match ending {
        FlushCompress::Finish => body.push(0),
        _ => assert_eq!(body.split_off(body.len() - 4), [0, 0, 0xff, 0xff]),
    }
    if message.final_block || !takeover {
        compress.reset();
    }
    body
}

/// The bytes of one direction on the wire.
fn wire(messages: &[Sent], way: Way) -> Vec<u8> {
    let bits = way.deflate.window_bits.max(9);
    let mut compress = Compress::new_with_window_bits(Compression::new(way.level), false, bits);
    let mut bytes = Vec::new();
    for message in messages {
        let body = match message.compressed {
            true => deflated(&mut compress, message, way.deflate.takeover),
            false => message.payload.clone(),
        };
        let mut ends: Vec<usize> = message.cuts.iter().map(|cut| cut % (body.len() + 1)).collect();
        ends.push(body.len());
        ends.sort_unstable();
        let mut start = 0;
        for (part, &end) in ends.iter().enumerate() {
            let opcode = if message.text { 1 } else { 2 };
            let opening = u8::from(message.compressed) * 0x40 + opcode;
            let fin = u8::from(part + 1 == ends.len()) * 0x80;
            let first = fin + if part == 0 { opening } else { 0 };
            frame(&mut bytes, first, &body[start..end], way.mask);
            if message.pings {
                frame(&mut bytes, 0x89, b"are you there?", way.mask);
            }
            start = end;
        }
    }
    bytes
}

/// Feeds `bytes`, split at `cuts`, and collects the judgements.
fn look(
    decoder: &mut MessageDecoder,
    masked: bool,
    bytes: &[u8],
    cuts: &[usize],
    mut judge: impl FnMut(Opcode, &[u8], bool) -> Judgement,
) -> Vec<Judgement> {
    let mut parser = Parser::new(Rules { masked, rsv: 7, max_frame: u64::MAX });
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    cuts.push(bytes.len());
    cuts.sort_unstable();
    let workspace = Workspace::default();
    let (mut judgements, mut good) = (Vec::new(), 0);
    for end in cuts {
        while let Some(chunk) = parser.next(&bytes[good..end]).unwrap() {
            let start = good + chunk.header.map_or(0, |header| header.size);
            good += chunk.size;
            judgements.extend(decoder.chunk(
                &workspace,
                &chunk,
                &bytes[start..good],
                |opcode, payload| judge(opcode, payload.plain(), payload.is_whole()),
            ));
        }
    }
    judgements
}

/// Matches some messages by their first three bytes, and any whole one by its sum. The verdict on a message
/// does not depend on when the judge is called.
fn judge(opcode: Opcode, payload: &[u8], whole: bool) -> Judgement {
    let sum = |bytes: &[u8]| {
        bytes.iter().fold(opcode as u16, |sum, byte| sum.wrapping_mul(31) ^ u16::from(*byte))
    };
    match payload.get(..3).map(sum) {
        Some(start) if start % 3 == 0 => Judgement::Activity(Some(RuleIndex(start))),
        _ if whole => Judgement::Ignored(RuleIndex(sum(payload))),
        _ => Judgement::Undecided,
    }
}

/// The expected judgements, without a decoder.
fn expected(messages: &[Sent], longest: usize) -> Vec<Judgement> {
    let of = |message: &Sent| {
        let opcode = if message.text { Opcode::Text } else { Opcode::Binary };
        let head = &message.payload[..message.payload.len().min(longest)];
        match judge(opcode, head, head.len() == message.payload.len()) {
            Judgement::Undecided => Judgement::Activity(None),
            judgement => judgement,
        }
    };
    messages.iter().map(of).collect()
}

fn any_payload() -> impl Strategy<Value = Vec<u8>> {
    let words =
        ["", "3", "\n", "{}", "{\"type\":\"ping\"}", "42[\"update\",", "heartbeat", "\u{1f493}"];
    let text = prop::collection::vec(prop::sample::select(words.to_vec()), 0..400);
    prop_oneof![
        4 => prop::sample::select(words.to_vec()).prop_map(|word| word.as_bytes().to_vec()),
        4 => text.prop_map(|words| words.concat().into_bytes()),
        2 => prop::collection::vec(any::<u8>(), 0..3000),
        1 => (any::<u8>(), 0usize..100_000).prop_map(|(byte, length)| vec![byte; length]),
        1 => (any::<u32>(), 0usize..40_000).prop_map(|(seed, length)| noise(seed, length)),
    ]
}

/// Incompressible bytes.
#[allow(clippy::cast_possible_truncation, reason = "the low byte of a shifted word")]
fn noise(mut seed: u32, length: usize) -> Vec<u8> {
    let mut next = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 24) as u8
    };
    (0..length).map(|_| next()).collect()
}

fn any_message() -> impl Strategy<Value = Sent> {
    let cuts = prop_oneof![
        3 => Just(vec![]),
        2 => prop::collection::vec(any::<usize>(), 1..6),
        1 => prop::collection::vec(0usize..20, 1..20),
    ];
    (
        any_payload(),
        any::<bool>(),
        prop::bool::weighted(0.8),
        prop::bool::weighted(0.1),
        cuts,
        any::<bool>(),
    )
        .prop_map(|(payload, text, compressed, final_block, cuts, pings)| Sent {
            text,
            payload,
            compressed,
            final_block,
            cuts,
            pings,
        })
}

fn any_way() -> impl Strategy<Value = Way> {
    (8u8..=15, any::<bool>(), 0u32..=9, prop::option::of(any::<[u8; 4]>())).prop_map(
        |(window_bits, takeover, level, mask)| Way {
            deflate: Deflate { window_bits, takeover },
            level,
            mask,
        },
    )
}

proptest! {
    #[test]
    fn the_verdicts_are_those_of_the_plain_messages(
        messages in prop::collection::vec(any_message(), 0..30),
        way in any_way(),
        longest in prop_oneof![1usize..300, 300usize..70_000],
        cuts in prop::collection::vec(any::<usize>(), 0..60),
    ) {
        let bytes = wire(&messages, way);
        let mut decoder = MessageDecoder::new(longest, Some(way.deflate));
        // None of these is a bomb, but a long run of one byte would be taken for one.
        decoder.credit = i64::MAX;
        let judgements = look(&mut decoder, way.mask.is_some(), &bytes, &cuts, judge);
        prop_assert_eq!(judgements, expected(&messages, longest));
        prop_assert!(decoder.partial.is_none());
        let window = if way.deflate.takeover { 1 << way.deflate.window_bits.max(9) } else { 0 };
        prop_assert!(decoder.held() <= window, "{} bytes are held", decoder.held());
    }

    #[test]
    fn without_a_way_to_read_them_compressed_messages_are_activity(
        messages in prop::collection::vec(any_message(), 0..10),
        way in any_way(),
        cuts in prop::collection::vec(any::<usize>(), 0..20),
    ) {
        let bytes = wire(&messages, way);
        let mut decoder = MessageDecoder::new(100, None);
        let judgements = look(&mut decoder, way.mask.is_some(), &bytes, &cuts, judge);
        let mut plain = expected(&messages, 100);
        for (judgement, message) in plain.iter_mut().zip(&messages) {
            if message.compressed {
                *judgement = Judgement::Activity(None);
            }
        }
        prop_assert_eq!((judgements, decoder.held()), (plain, 0));
    }

    #[test]
    fn corrupt_data_blind_a_direction_and_end_nothing(
        messages in prop::collection::vec(any_message(), 1..10),
        way in any_way(),
        faults in prop::collection::vec((any::<usize>(), any::<u8>()), 1..8),
    ) {
        let bits = way.deflate.window_bits.max(9);
        let mut compress = Compress::new_with_window_bits(Compression::new(way.level), false, bits);
        let body = |message| deflated(&mut compress, message, way.deflate.takeover);
        let mut bodies: Vec<Vec<u8>> = messages.iter().map(body).collect();
        for (at, fault) in faults {
            let body = &mut bodies[at % messages.len()];
            let at = at % body.len();
            body[at] ^= fault;
        }
        let mut bytes = Vec::new();
        bodies.iter().for_each(|body| frame(&mut bytes, 0xc2, body, None));
        let mut decoder = MessageDecoder::new(100, Some(way.deflate));
        let judgements = look(&mut decoder, false, &bytes, &[], judge);
        prop_assert_eq!(judgements.len(), messages.len());
        prop_assert!(!judgements.contains(&Judgement::Undecided));
        prop_assert!(!decoder.undecodable() || decoder.held() == 0);
    }
}

#[test]
fn a_bomb_blinds_its_direction_and_leaves_nothing_behind() {
    let way = Way { deflate: Deflate::default(), level: 9, mask: Some([1, 2, 3, 4]) };
    let bomb = Sent { compressed: true, ..plain(&vec![b'x'; 8 << 20]) };
    let behind = [Sent { compressed: true, ..plain(b"3") }, plain(b"3")];
    let messages: Vec<Sent> = behind.iter().chain([&bomb]).chain(&behind).cloned().collect();
    let bytes = wire(&messages, way);
    let mut decoder = MessageDecoder::new(256, Some(way.deflate));
    let mut seen = 0;
    let count = |opcode, payload: &[u8], whole| {
        seen = seen.max(payload.len());
        judge(opcode, payload, whole)
    };
    let judgements = look(&mut decoder, true, &bytes, &[], count);
    let known = expected(&messages, 256);
    assert_eq!(judgements[..3], known[..3], "as far as it could be read");
    assert_eq!(
        judgements[3..],
        [Judgement::Activity(None), known[4]],
        "uncompressed messages can still be read"
    );
    assert!(decoder.undecodable() && decoder.held() == 0 && seen <= 256);
    assert!(decoder.credit > -(64 << 10), "inflating stopped when the credit was used up");

    let each = Deflate { takeover: false, ..Deflate::default() };
    let mut decoder = MessageDecoder::new(256, Some(each));
    let bytes = wire(&messages, Way { deflate: each, ..way });
    assert_eq!(look(&mut decoder, true, &bytes, &[], judge), known);
    assert!(decoder.credit > CREDIT, "a message that nothing refers to is not read to its end");
}

/// Without context takeover, a corrupt message affects no other.
#[test]
fn corrupt_data_that_nothing_refers_to_blind_nobody() {
    let each = Deflate { takeover: false, ..Deflate::default() };
    let way = Way { deflate: each, level: 6, mask: None };
    let mut bytes = Vec::new();
    frame(&mut bytes, 0xc1, &[0xff; 20], None);
    bytes.extend(wire(&[Sent { compressed: true, ..plain(b"3") }], way));
    let mut decoder = MessageDecoder::new(256, Some(each));
    let judgements = look(&mut decoder, false, &bytes, &[], judge);
    let heartbeat = expected(&[plain(b"3")], 256)[0];
    assert_eq!(
        (judgements, decoder.undecodable()),
        (vec![Judgement::Activity(None), heartbeat], false)
    );
}

#[test]
fn an_app_that_repeats_itself_is_no_bomb() {
    let way = Way { deflate: Deflate::default(), level: 6, mask: None };
    let status = Sent { compressed: true, ..plain(&noise(7, 30_000)) };
    let messages = vec![status; 200];
    let bytes = wire(&messages, way);
    assert!(bytes.len() < 30_000 + 200 * 400, "all but the first are tiny");
    let mut decoder = MessageDecoder::new(64, Some(way.deflate));
    assert_eq!(look(&mut decoder, false, &bytes, &[], judge), expected(&messages, 64));
    assert!(!decoder.undecodable());
}

#[test]
fn a_verdict_comes_as_early_as_the_bytes_allow() {
    let mut bytes = Vec::new();
    frame(&mut bytes, 0x01, &[b'a'; 40], Some([9; 4]));
    frame(&mut bytes, 0x80, &[b'a'; 40], Some([9; 4]));
    let mut parser = Parser::new(Rules { masked: true, rsv: 0, max_frame: u64::MAX });
    let mut decoder = MessageDecoder::new(64, None);
    let workspace = Workspace::default();
    let (mut good, mut asked, mut judgements) = (0, Vec::new(), Vec::new());
    for end in 1..=bytes.len() {
        while let Some(chunk) = parser.next(&bytes[good..end]).unwrap() {
            let start = good + chunk.header.map_or(0, |header| header.size);
            good += chunk.size;
            let judgement = decoder.chunk(&workspace, &chunk, &bytes[start..good], |_, payload| {
                asked.push((payload.seen().len(), payload.is_whole()));
                Judgement::Undecided
            });
            judgements.extend(judgement.map(|judgement| (good, judgement)));
        }
    }
    let lengths = [1, 2, 4, 8, 16, 32, 64, 64].map(|length| (length, false));
    assert_eq!(asked, lengths, "twice as long each time");
    assert_eq!(judgements, [(6 + 40 + 6 + 25, Judgement::Activity(None))], "longer than 64");
    assert_eq!(decoder.held(), 0);
}

#[test]
fn short_forms_that_senders_use_are_read() {
    let shown = |bodies: &[&[u8]]| {
        let mut bytes = Vec::new();
        bodies.iter().for_each(|body| frame(&mut bytes, 0xc1, body, None));
        let (mut decoder, mut texts) =
            (MessageDecoder::new(64, Some(Deflate::default())), Vec::new());
        look(&mut decoder, false, &bytes, &[], |_, payload, whole| {
            texts.push((payload.to_vec(), whole));
            Judgement::Undecided
        });
        assert!(!decoder.undecodable());
        texts
    };
    let whole = |text: &str| (text.as_bytes().to_vec(), true);
    // RFC 7692 sections 7.2.3.1 and 7.2.3.2: the second refers to the first.
    let hello: &[u8] = &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    let again: &[u8] = &[0xf2, 0x00, 0x11, 0x00, 0x00];
    assert_eq!(shown(&[hello, again]), [whole("Hello"), whole("Hello")]);
    // Sections 7.2.3.3 and 7.2.3.4: no compression, and a final block.
    let stored: &[u8] = &[0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00];
    let last: &[u8] = &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00];
    assert_eq!(shown(&[stored, last, hello]), [whole("Hello"), whole("Hello"), whole("Hello")]);
    // Section 7.2.3.5: two blocks. Section 7.2.3.6: an empty message; some senders write no byte for it.
    let two: &[u8] =
        &[0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00];
    assert_eq!(shown(&[two, &[0x00], &[]]), [whole("Hello"), whole(""), whole("")]);
    // Streamlit's heartbeats; the second refers to the first.
    let beats: [&[u8]; 2] = [&[0xea, 0x60, 0x64, 0x04, 0x00], &[0x02, 0x22, 0x00, 0x00]];
    assert_eq!(shown(&beats), vec![(vec![0x88, 1, 1], true); 2]);
}

#[test]
fn recorded_messages_are_read_as_their_ends_read_them() {
    let decode =
        |value: &serde_json::Value| BASE64_STANDARD.decode(value.as_str().unwrap()).unwrap();
    let mut decoders = std::collections::HashMap::new();
    let mut headers = http::HeaderMap::new();
    let mut read = 0;
    for line in include_str!("recorded.jsonl").lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        if let Some(answer) = line["extensions"].as_str() {
            headers.insert("sec-websocket-extensions", answer.parse().unwrap());
            let found = crate::core::extension::negotiated(&headers);
            assert_eq!(found.rsv, 4);
            for (from, deflate) in [("c2s", found.client), ("s2c", found.server)] {
                let decoder = MessageDecoder::new(1 << 20, Some(deflate.unwrap()));
                decoders.insert((line["conn"].to_string(), from), decoder);
            }
            continue;
        }
        let from = if line["dir"] == "c2s" { "c2s" } else { "s2c" };
        let decoder = decoders.get_mut(&(line["conn"].to_string(), from)).unwrap();
        let payload = decode(&line["payload"]);
        let raw = match (&line["raw"], &line["cut"]) {
            (raw @ serde_json::Value::String(_), _) => decode(raw),
            (_, serde_json::Value::Bool(true)) => stored(&payload),
            _ => Vec::new(),
        };
        let mask = (from == "c2s").then_some([0x17, 0x2a, 0x99, 0xf0]);
        let (first, body) = if raw.is_empty() { (0x82, &payload) } else { (0xc2, &raw) };
        let mut bytes = Vec::new();
        frame(&mut bytes, first, body, mask);
        let judgements =
            look(decoder, mask.is_some(), &bytes, &[5, 9], |_, text, whole| match whole {
                true if text == payload => Judgement::Ignored(RuleIndex(0)),
                true => Judgement::Activity(Some(RuleIndex(0))),
                false => Judgement::Undecided,
            });
        assert_eq!(judgements, [Judgement::Ignored(RuleIndex(0))], "{line}");
        read += 1;
    }
    assert!(read > 200, "only {read} messages were read");
}

/// A compressed message whose recording has been cut: the same bytes as a stored block (RFC 1951 section
/// 3.2.4), then the empty block of which a sender leaves only the header.
fn stored(payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap();
    let mut raw = vec![0];
    raw.extend(length.to_le_bytes());
    raw.extend((!length).to_le_bytes());
    raw.extend(payload);
    raw.push(0);
    raw
}
