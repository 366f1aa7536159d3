use proptest::prelude::*;

use super::*;

fn masked(plain: &[u8], key: [u8; 4]) -> Vec<u8> {
    plain.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect()
}

proptest! {
    #[test]
    fn a_mask_is_taken_off_as_it_was_put_on(bytes: Vec<u8>, key: [u8; 4], cut: usize) {
        let mut wire = masked(&bytes, key);
        let cut = cut % (bytes.len() + 1);
        let (head, tail) = wire.split_at_mut(cut);
        apply(head, key);
        apply(tail, advance(key, cut));
        prop_assert_eq!(wire, bytes);
    }

    #[test]
    fn bytes_are_read_through_their_mask(
        plain in prop::collection::vec(0_u8..4, 0..40),
        other in prop::collection::vec(0_u8..4, 0..40),
        key: [u8; 4],
        start in 0_usize..40,
        length in 0_usize..40,
    ) {
        let wire = masked(&plain, key);
        let all = Masked::new(&wire, Some(key));
        let end = start + length;
        prop_assert_eq!(all.part(start, end).is_some(), end <= plain.len());
        let (start, end) = (start.min(plain.len()), end.min(plain.len()));
        let (part, text) = (all.part(start, end).unwrap(), &plain[start..end]);
        prop_assert_eq!(part.len(), text.len());
        for place in 0..=text.len() {
            prop_assert_eq!(part.at(place), text.get(place).copied());
            let word = text.get(place..).and_then(|rest| rest.first_chunk::<8>().copied());
            prop_assert_eq!(part.word(place), word);
        }
        for (with, against) in [(&other[..], text), (&other[..], &other[..2.min(other.len())])] {
            let wire = masked(against, key);
            let seen = Masked::new(&wire, Some(key));
            prop_assert_eq!(seen.starts_with(with), against.starts_with(with));
            prop_assert_eq!(seen.begins(with), with.starts_with(against));
        }
        let mut clear = vec![9];
        part.unmask_onto(&mut clear);
        prop_assert_eq!(&clear[1..], text);
        let payload = Payload::new(part, 0, false);
        prop_assert_eq!(payload.plain(), text);
    }
}

/// Two messages in use at the same time must not share memory.
#[test]
fn two_messages_are_plain_at_once() {
    let key = [1, 2, 3, 4];
    let (one, other) = (masked(b"one", key), masked(b"the other", key));
    let payload = |wire| Payload::new(Masked::new(wire, Some(key)), 0, true);
    for _ in 0..3 {
        let (one, other) = (payload(&one), payload(&other));
        assert_eq!(
            (one.plain(), other.plain(), one.plain()),
            (&b"one"[..], &b"the other"[..], &b"one"[..])
        );
    }
}

#[test]
fn what_is_known_of_its_length() {
    let seen = Masked::new(b"abc", None);
    let known = |least, ends| {
        let payload = Payload::new(seen, least, ends);
        (payload.is_whole(), payload.least(), payload.length())
    };
    assert_eq!(known(3, true), (true, 3, Some(3)));
    assert_eq!(known(9, true), (false, 9, Some(9)));
    assert_eq!(known(9, false), (false, 9, None));
    assert_eq!(known(0, false), (false, 3, None));
    assert!(Payload::whole(b"abc").is_whole() && !Payload::head(b"abc").is_whole());
}
