use super::*;
use proptest::prelude::*;

fn exact(bytes: &[u8]) -> Ask {
    Ask { exact: Some(bytes.into()), ..Ask::default() }
}

fn starts(bytes: &[u8]) -> Ask {
    Ask { starts: Some(bytes.into()), ..Ask::default() }
}

fn regex(pattern: &str) -> Ask {
    Ask { regex: Some(Pattern::whole(pattern).unwrap()), ..Ask::default() }
}

fn layout(places: &[Option<u8>], open: bool) -> Ask {
    Ask { layout: Some(Layout::new(places.to_vec(), open)), ..Ask::default() }
}

fn asks(all: Ask) -> Asks {
    Asks::new(all, Vec::new(), None, None, 8)
}

fn look(asks: &Asks, bytes: &[u8], whole: bool) -> Fits {
    let payload = if whole { Payload::whole(bytes) } else { Payload::head(bytes) };
    asks.look(&Sight { payload: &payload, text: true })
}

#[test]
fn exact_bytes_are_refused_at_the_first_that_differs() {
    let asks = asks(exact(b"ping"));
    assert_eq!(look(&asks, b"ping", true), Fits::Yes);
    assert_eq!(look(&asks, b"ping", false), Fits::Later);
    assert_eq!(look(&asks, b"pi", false), Fits::Later);
    for (bytes, whole) in [(&b"pi"[..], true), (b"x", false), (b"pings", false), (b"", true)] {
        assert_eq!(look(&asks, bytes, whole), Fits::No, "{bytes:?}");
    }
    assert_eq!(asks.needs(), 4);
}

#[test]
fn a_start_decides_whatever_follows() {
    let asks = asks(starts(b"42["));
    assert_eq!(look(&asks, b"42[", false), Fits::Yes);
    assert_eq!(look(&asks, b"42[\"x\"]", true), Fits::Yes);
    assert_eq!(look(&asks, b"4", false), Fits::Later);
    assert_eq!(look(&asks, b"4", true), Fits::No);
    assert_eq!(look(&asks, b"43", false), Fits::No);
    assert_eq!(asks.needs(), 3);
}

#[test]
fn with_a_longest_length_a_start_must_wait_for_the_end() {
    let asks = Asks::new(starts(b"42["), Vec::new(), None, Some(5), 8);
    assert_eq!(look(&asks, b"42[", false), Fits::Later);
    assert_eq!(look(&asks, b"42[12", true), Fits::Yes);
    assert_eq!(look(&asks, b"42[123", false), Fits::No);
}

#[test]
fn a_pattern_waits_for_the_end_up_to_its_length() {
    let asks = asks(regex(r"\d+"));
    assert_eq!(look(&asks, b"12345678", true), Fits::Yes);
    assert_eq!(look(&asks, b"12345678", false), Fits::Later);
    assert_eq!(look(&asks, b"123456789", false), Fits::No);
    assert_eq!(asks.needs(), 8);
}

#[test]
fn a_digest_knows_a_message_by_all_but_its_numbers() {
    let skeleton = Skeleton::WithoutNumbers;
    let digest = Digest::of(skeleton, br#"{"op":"hb","n":0}"#).map(|digest| (skeleton, digest));
    let ask = Ask { digest, ..Ask::default() };
    let asks = Asks::new(ask, Vec::new(), None, Some(32), 8);
    assert_eq!(look(&asks, br#"{"op":"hb","n":4711}"#, true), Fits::Yes);
    assert_eq!(look(&asks, br#"{"op":"hb","n":4711"#, false), Fits::Later);
    assert_eq!(look(&asks, br#"{"op":"hb","n":"x"}"#, true), Fits::No);
    assert_eq!(look(&asks, &[b'0'; 33], false), Fits::No);
    assert_eq!(asks.needs(), 32);
}

#[test]
fn layouts_are_decided_at_the_byte_that_differs() {
    let fixed = asks(layout(&[Some(9), None, Some(0)], false));
    assert_eq!(look(&fixed, &[9, 7, 0], true), Fits::Yes);
    assert_eq!(look(&fixed, &[9, 7, 0], false), Fits::Later);
    assert_eq!(look(&fixed, &[9, 7, 1], false), Fits::No);
    assert_eq!(look(&fixed, &[9, 7, 0, 0], false), Fits::No);
    let open = asks(layout(&[Some(9), None], true));
    assert_eq!(look(&open, &[9, 7], false), Fits::Yes);
    assert_eq!(look(&open, &[9], true), Fits::No);
}

#[test]
fn each_record_fits_one_of_any() {
    let any = vec![exact(b"a"), starts(b"b")];
    let asks = Asks::new(Ask::default(), any, Some(Records::Lines), None, 8);
    assert_eq!(look(&asks, b"a\nbb\na", true), Fits::Yes);
    assert_eq!(look(&asks, b"a\nc", true), Fits::No);
    assert_eq!(look(&asks, b"a\n", false), Fits::Later);
    assert_eq!(look(&asks, b"a\na\na\na\na\n", true), Fits::No, "ten bytes");
}

#[test]
fn kinds_are_asked_for_by_each() {
    let text = Ask { kinds: Kinds { text: true, binary: false }, ..exact(b"a") };
    let binary = Ask { kinds: Kinds { text: false, binary: true }, ..exact(b"b") };
    let asks = Asks::new(Ask::default(), vec![text, binary], None, None, 8);
    assert_eq!(look(&asks, b"a", true), Fits::Yes);
    assert_eq!(look(&asks, b"b", true), Fits::No);
    assert_eq!(asks.look(&Sight { payload: &Payload::whole(b"b"), text: false }), Fits::Yes);
}

fn any_ask() -> impl Strategy<Value = Ask> {
    let bytes = || prop::collection::vec(0_u8..3, 0..4);
    let places = prop::collection::vec(prop::option::of(0_u8..3), 0..4);
    prop_oneof![
        bytes().prop_map(|bytes| exact(&bytes)),
        bytes().prop_map(|bytes| starts(&bytes)),
        (places, any::<bool>()).prop_map(|(places, open)| layout(&places, open)),
        Just(regex(r"[\x00\x01]*\x02")),
        Just(Ask::default()),
    ]
}

proptest! {
    /// The first byte refuses nothing that would fit.
    #[test]
    fn what_is_refused_by_its_first_byte_does_not_fit(
        all in any_ask(),
        any in prop::collection::vec(any_ask(), 0..3),
        lines: bool,
        max in prop::option::of(0_usize..6),
        bytes in prop::collection::vec(0_u8..3, 0..6),
        whole: bool,
    ) {
        let asks = Asks::new(all, any, lines.then_some(Records::Lines), max, 5);
        let payload = if whole { Payload::whole(&bytes) } else { Payload::head(&bytes) };
        let sight = Sight { payload: &payload, text: true };
        if asks.bounds().admit(None, payload.least()) {
            let inside = asks.look_inside(&sight);
            let look = asks.look(&sight);
            prop_assert!(look == inside || look == Fits::No && inside == Fits::Later);
        } else {
            prop_assert_eq!(asks.look(&sight), Fits::No);
        }
    }

    /// What is said of a head is what is said of every message that starts so.
    #[test]
    fn no_answer_is_taken_back(
        all in any_ask(),
        any in prop::collection::vec(any_ask(), 0..3),
        lines: bool,
        max in prop::option::of(0_usize..6),
        bytes in prop::collection::vec(0_u8..3, 0..8),
        cut in 0_usize..8,
    ) {
        let asks = Asks::new(all, any, lines.then_some(Records::Lines), max, 5);
        let whole = look(&asks, &bytes, true);
        prop_assert!(whole != Fits::Later);
        let cut = cut.min(bytes.len());
        let head = look(&asks, &bytes[..cut], false);
        prop_assert!(head == Fits::Later || head == whole, "{head:?} {whole:?}");
        if cut > asks.needs() {
            prop_assert!(head != Fits::Later);
        }
    }
}
