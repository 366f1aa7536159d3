//! However a message comes, its judgement is that of the plain one: the samples and what is like them,
//! masked or not, in frames and reads of any size.

use std::time::Duration;

use ebbtide::core::decoder::{MessageDecoder, Workspace};
use ebbtide::core::frame::{Opcode, Parser, Rules};
use ebbtide::core::pack::{Context, Judgement, Message, Opening, RuleBook, RuleSet};
use ebbtide::core::payload::Payload;
use ebbtide::packs::Packs;
use proptest::prelude::*;
use toml::de::DeTable;

use super::{bytes, files, list, text};

/// A direction of a connection, and a message that a sample shows there.
struct Shown {
    book: usize,
    rules: RuleSet,
    opcode: Opcode,
    payload: Vec<u8>,
    first: bool,
}

fn shown() -> (Vec<RuleBook>, Vec<Shown>) {
    let packs = Packs::open(None).unwrap();
    let (mut books, mut all) = (Vec::new(), Vec::new());
    for file in files() {
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let book = packs.book(&[name]).unwrap();
        let samples = std::fs::read_to_string(&file).unwrap();
        let table = DeTable::parse(&samples).unwrap();
        for connection in list(table.get_ref(), "connection") {
            let opening = Opening {
                path: text(connection, "path").unwrap(),
                query: text(connection, "query").unwrap_or_default(),
                subprotocol: text(connection, "subprotocol"),
                unattended: true,
            };
            let rules = book.connection(&opening);
            for message in list(connection, "messages") {
                let (opcode, payload) = bytes(message);
                let input = text(message, "from").unwrap() == "client";
                let rules = if input { &rules.input } else { &rules.output };
                let first = message.contains_key("first");
                let book = books.len();
                all.push(Shown { book, rules: rules.clone(), opcode, payload, first });
            }
        }
        books.push(book);
    }
    all.retain(|shown| shown.rules.longest() > 0);
    (books, all)
}

/// What becomes of a sample before it is sent.
#[derive(Clone, Debug)]
enum Change {
    None,
    Cut(usize),
    Byte(usize, u8),
    More(usize, u8),
    Spaces(usize),
    Twice,
}

fn any_change() -> impl Strategy<Value = Change> {
    prop_oneof![
        3 => Just(Change::None),
        1 => any::<usize>().prop_map(Change::Cut),
        2 => (any::<usize>(), any::<u8>()).prop_map(|(at, byte)| Change::Byte(at, byte)),
        1 => (1_usize..300, any::<u8>()).prop_map(|(more, byte)| Change::More(more, byte)),
        1 => (300_usize..70_000, any::<u8>()).prop_map(|(more, byte)| Change::More(more, byte)),
        1 => (1_usize..300).prop_map(Change::Spaces),
        1 => Just(Change::Twice),
    ]
}

fn changed(mut payload: Vec<u8>, change: &Change) -> Vec<u8> {
    let length = payload.len();
    match *change {
        Change::None => {}
        Change::Cut(at) => payload.truncate(at % (length + 1)),
        Change::Byte(at, byte) => {
            payload.iter_mut().skip(at % (length + 1)).take(1).for_each(|old| *old = byte);
        }
        Change::More(more, byte) => payload.resize(length + more, byte),
        Change::Spaces(more) => payload.splice(..0, vec![b' '; more]).for_each(drop),
        Change::Twice => payload.extend_from_within(..),
    }
    payload
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

/// Places at which `length` bytes are cut: few, or after each of the first.
fn places(cuts: &[usize], length: usize) -> Vec<usize> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut % (length + 1)).collect();
    places.push(length);
    places.sort_unstable();
    places
}

fn any_cuts() -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![
        3 => Just(vec![]),
        2 => prop::collection::vec(any::<usize>(), 1..5),
        1 => prop::collection::vec(0_usize..24, 1..12),
    ]
}

/// The one judgement of a message that comes like this.
fn judged(
    (book, shown): (&RuleBook, &Shown),
    bytes: &[u8],
    (masked, cuts, longest): (bool, &[usize], usize),
) -> Judgement {
    let mut parser = Parser::new(Rules { masked, rsv: 0, max_frame: u64::MAX });
    let mut decoder = MessageDecoder::new(shown.rules.longest().max(longest), None);
    let workspace = Workspace::default();
    let (mut good, mut judgements) = (0, Vec::new());
    for end in places(cuts, bytes.len()) {
        while let Some(chunk) = parser.next(&bytes[good..end]).unwrap() {
            let start = good + chunk.header.map_or(0, |header| header.size);
            good += chunk.size;
            judgements.extend(decoder.chunk(
                &workspace,
                &chunk,
                &bytes[start..good],
                |opcode, payload| shown.rules.judge(book, &message(opcode, payload, shown.first)),
            ));
        }
    }
    assert_eq!(judgements.len(), 1);
    judgements[0]
}

fn message<'a>(opcode: Opcode, payload: &'a Payload<'a>, first: bool) -> Message<'a> {
    Message { opcode, payload, age: Duration::from_secs(1), first, context: Context::default() }
}

#[test]
fn a_message_is_judged_alike_however_it_comes() {
    let (books, all) = shown();
    let ways = (
        any::<usize>(),
        any_change(),
        prop::option::of(prop::collection::vec(any::<[u8; 4]>(), 1..3)),
        (any_cuts(), any_cuts()),
        prop::sample::select(vec![0_usize, 4096]),
    );
    let config = ProptestConfig { cases: 4096, ..ProptestConfig::default() };
    proptest!(config, |((which, change, keys, (frames, reads), longest) in ways)| {
        let shown = &all[which % all.len()];
        let plain = changed(shown.payload.clone(), &change);
        let expected =
            shown.rules.judge(&books[shown.book], &message(shown.opcode, &Payload::whole(&plain), shown.first));
        let (mut wire, mut start) = (Vec::new(), 0);
        let ends = places(&frames, plain.len());
        for (at, end) in ends.iter().enumerate() {
            let opcode = if at == 0 { shown.opcode as u8 } else { 0 };
            let fin = if at + 1 == ends.len() { 0x80 } else { 0 };
            let key = keys.as_ref().map(|keys| keys[at % keys.len()]);
            frame(&mut wire, fin | opcode, &plain[start..*end], key);
            start = *end;
        }
        let found = judged((&books[shown.book], shown), &wire, (keys.is_some(), &reads, longest));
        prop_assert_eq!(found, expected);
    });
}
