use super::*;
use proptest::prelude::*;

fn fits(message: &ProtobufMessage, bytes: &[u8]) -> bool {
    message.test(&Payload::whole(bytes)) == MatchResult::Yes
}

#[test]
fn streamlits_heartbeat_and_rerun() {
    let heartbeat = ProtobufMessage::new(vec![17], Some(1), Some(vec![13]));
    assert!(fits(&heartbeat, &[0x88, 0x01, 0x01]));
    assert!(fits(&heartbeat, &[0x6a, 0x01, b'x', 0x88, 0x01, 0x01]), "13 may stand beside it");
    assert!(!fits(&heartbeat, &[0x88, 0x01, 0x00]));
    assert!(!fits(&heartbeat, &[0x88, 0x01, 0x01, 0x5a, 0x00]), "11 may not");
    assert!(!fits(&heartbeat, &[0x6a, 0x01, b'x']) && !fits(&heartbeat, &[]));
    let timer = ProtobufMessage::new(vec![11, 6], Some(1), None);
    assert!(fits(&timer, &[0x5a, 0x05, 0x0a, 0x01, b'q', 0x30, 0x01]));
    assert!(!fits(&timer, &[0x5a, 0x03, 0x0a, 0x01, b'q']));
    assert!(!fits(&timer, &[0x5a, 0x02, 0x30, 0x01, 0x5a, 0x02, 0x30, 0x00]), "not both");
    let any = ProtobufMessage::new(vec![11], None, None);
    assert!(fits(&any, &[0x5a, 0x00]) && fits(&any, &[0x58, 0x07]));
}

/// A list of widgets, one of which was pressed.
#[test]
fn what_must_not_be_there_is_looked_for_in_every_occurrence() {
    let message = ProtobufMessage::new(vec![11], None, None)
        .without(vec![[11, 5].into(), [11, 2, 1, 2].into()]);
    let (slider, button) = ([0x0a, 3, 0x0a, 1, b'a'], [0x0a, 5, 0x0a, 1, b'b', 0x10, 1]);
    let rerun = |widgets: &[&[u8]]| {
        let widgets = widgets.concat();
        let state = [&[0x12, u8::try_from(widgets.len()).unwrap()], &widgets[..]].concat();
        [&[0x5a, u8::try_from(state.len()).unwrap()], &state[..]].concat()
    };
    assert!(fits(&message, &rerun(&[])) && fits(&message, &rerun(&[&slider, &slider])));
    assert!(
        !fits(&message, &rerun(&[&slider, &button]))
            && !fits(&message, &rerun(&[&button, &slider]))
    );
    assert!(!fits(&message, &[0x5a, 0x03, 0x2a, 0x01, b'f']), "the other path");
    assert!(!fits(&message, &[0x5a, 0x02, 0x12, 0x05]), "malformed inside");
}

#[test]
fn a_malformed_message_does_not_fit() {
    let message = ProtobufMessage::new(vec![17], Some(1), None);
    for tail in [&[0x88][..], &[0x5a, 0x05, 1], &[0x0b], &[0x00, 0x00], &[0xff; 11], &[0x09, 1]] {
        assert!(!fits(&message, &[&[0x88, 0x01, 0x01], tail].concat()), "{tail:?}");
    }
}

/// A reference implementation over plain slices of a whole message: field by field, each time from the start.
mod plain {
    use super::ProtobufMessage;

    pub(super) fn fits(message: &ProtobufMessage, bytes: &[u8]) -> bool {
        let known = |number: u32| {
            let others = message.others.as_ref();
            others.is_none_or(|others| others.contains(&number) || number == message.path[0])
        };
        let (fields, _) = fields(bytes);
        fields.iter().all(|(number, _)| known(*number))
            && holds(message, &message.path, bytes)
            && !message.without.iter().any(|path| has(path, bytes))
    }

    fn holds(message: &ProtobufMessage, path: &[u32], bytes: &[u8]) -> bool {
        let (fields, good) = fields(bytes);
        let mut found = fields.iter().filter(|(number, _)| *number == path[0]).peekable();
        let one = |value: &Value<'_>| match value {
            Value::Bytes(inner) if path.len() > 1 => holds(message, &path[1..], inner),
            Value::Integer(is) if path.len() == 1 => message.value.is_none_or(|value| value == *is),
            _ => path.len() == 1 && message.value.is_none(),
        };
        good && found.peek().is_some() && found.all(|(_, value)| one(value))
    }

    fn has(path: &[u32], bytes: &[u8]) -> bool {
        let (fields, good) = fields(bytes);
        let one = |value: &Value<'_>| match value {
            Value::Bytes(inner) if path.len() > 1 => has(&path[1..], inner),
            _ => path.len() == 1,
        };
        !good || fields.iter().any(|(number, value)| *number == path[0] && one(value))
    }

    enum Value<'a> {
        Integer(u64),
        Bytes(&'a [u8]),
        Fixed,
    }

    /// The fields up to the point where it is malformed, if it is.
    fn fields(mut bytes: &[u8]) -> (Vec<(u32, Value<'_>)>, bool) {
        let mut all = Vec::new();
        while let Some((field, rest)) = field(bytes) {
            all.push(field);
            bytes = rest;
        }
        (all, bytes.is_empty())
    }

    fn field(bytes: &[u8]) -> Option<((u32, Value<'_>), &[u8])> {
        let (tag, rest) = varint(bytes)?;
        let number = u32::try_from(tag >> 3).ok().filter(|number| *number > 0)?;
        let (value, rest) = match tag & 7 {
            0 => varint(rest).map(|(value, rest)| (Value::Integer(value), rest))?,
            1 => (Value::Fixed, rest.get(8..)?),
            2 => {
                let (length, rest) = varint(rest)?;
                let (inner, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
                (Value::Bytes(inner), rest)
            }
            5 => (Value::Fixed, rest.get(4..)?),
            _ => return None,
        };
        Some(((number, value), rest))
    }

    fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
        let end = bytes.iter().take(10).position(|byte| byte & 0x80 == 0)?;
        let parts = bytes[..=end].iter().rev().map(|byte| u128::from(byte & 0x7f));
        let value = parts.fold(0_u128, |value, part| value << 7 | part);
        Some((u64::try_from(value).ok()?, &bytes[end + 1..]))
    }
}

/// Fields that often are, or contain, those on paths such as 1.2.1.
fn any_message() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        4 => (1_u8..4, 0_u8..3).prop_map(|(number, value)| vec![number << 3, value]),
        1 => (1_u8..4).prop_map(|number| [&[number << 3 | 5][..], &[7; 4]].concat()),
        1 => (1_u8..4).prop_map(|number| [&[number << 3 | 1][..], &[7; 8]].concat()),
        1 => Just(vec![0x88, 0x80, 0x00, 0x01]),
        1 => prop::collection::vec(any::<u8>(), 0..3),
        1 => prop::collection::vec(0x7f_u8..0x83, 8..12),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let list = prop::collection::vec(inner, 0..4);
        (1_u8..4, list, prop::bool::weighted(0.1)).prop_map(|(number, list, wrong)| {
            let inner = list.concat();
            let length = u8::try_from(inner.len().min(127)).unwrap() + u8::from(wrong);
            [&[number << 3 | 2, length][..], &inner].concat()
        })
    })
}

fn any_path() -> impl Strategy<Value = Vec<u32>> {
    prop::collection::vec(1_u32..4, 1..4)
}

proptest! {
    #[test]
    fn it_is_the_same_through_a_mask_and_of_a_part(
        fields in prop::collection::vec(any_message(), 0..5),
        path in any_path(),
        value in prop::option::of(0_u64..2),
        others in prop::option::of(prop::collection::vec(1_u32..4, 0..3)),
        without in prop::collection::vec(any_path(), 0..3),
        key: [u8; 4],
        cut: usize,
    ) {
        let bytes = fields.concat();
        let message = ProtobufMessage::new(path, value, others)
            .without(without.into_iter().map(Into::into).collect());
        let fits = plain::fits(&message, &bytes);
        let wire: Vec<u8> = bytes.iter().zip(key.iter().cycle()).map(|(a, b)| a ^ b).collect();
        let (length, cut) = (bytes.len() as u64, cut % (bytes.len() + 1));
        let look = |end: usize, least, ends| {
            message.test(&Payload::new(Masked::new(&wire[..end], Some(key)), least, ends))
        };
        prop_assert_eq!(look(bytes.len(), length, true), MatchResult::from(fits));
        for part in [look(cut, length, true), look(cut, length, false), look(cut, 0, false)] {
            prop_assert!(part == MatchResult::NeedMore || part == MatchResult::from(fits), "{part:?}, not {fits}");
        }
        prop_assert!(bytes.first().is_none_or(|first| !fits || message.first_bytes().has(*first)));
    }

    #[test]
    fn any_bytes_are_walked(bytes: Vec<u8>, path in prop::collection::vec(0_u32..40, 0..12)) {
        let without = vec![path.clone().into()];
        let message = ProtobufMessage::new(path, None, Some(vec![1, 2])).without(without);
        prop_assert!(!fits(&message, &bytes), "it matches a field that must be absent");
    }
}

/// A big message is rejected by its head, whatever the skipped part contains.
#[test]
fn what_is_skipped_need_not_have_come() {
    let head = [0x5a, 0x83, 0x80, 0x01, 0x12, 0xff, 0xff, 0x00];
    let look = |path: &[u32], length, ends| {
        let message = ProtobufMessage::new(path.to_vec(), Some(1), None);
        message.test(&Payload::new(Masked::new(&head, None), length, ends))
    };
    let length = 4 + 16387;
    assert_eq!(look(&[11, 6], length, true), MatchResult::No);
    assert_eq!(look(&[11, 6], length, false), MatchResult::No, "another 11 would not help");
    assert_eq!(look(&[6], length, true), MatchResult::No);
    assert_eq!(look(&[6], length, false), MatchResult::NeedMore);
    assert_eq!(look(&[6], length + 1, true), MatchResult::NeedMore);
    assert_eq!(look(&[6], length - 1, true), MatchResult::No, "malformed");
}
