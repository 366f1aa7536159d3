use proptest::prelude::*;

use super::*;
use crate::core::pack::Pattern;
use crate::core::pack::condition::Layout;
use crate::core::skeleton::{Digest, Skeleton};

fn one(condition: Condition) -> AllOf {
    AllOf::new(MessageKinds::ANY, vec![condition])
}

fn anything() -> AllOf {
    AllOf::new(MessageKinds::ANY, Vec::new())
}

fn exact(bytes: &[u8]) -> AllOf {
    one(Condition::Equals(bytes.into()))
}

fn starts(bytes: &[u8]) -> AllOf {
    one(Condition::StartsWith(bytes.into()))
}

fn regex(pattern: &str) -> AllOf {
    one(Condition::Regex(Pattern::whole(pattern).unwrap()))
}

fn layout(places: &[Option<u8>], open: bool) -> AllOf {
    one(Condition::Layout(Layout::new(places.to_vec(), open)))
}

fn matcher(all: AllOf) -> Matcher {
    Matcher::new(all, Vec::new(), None, None, 8)
}

fn test(matcher: &Matcher, bytes: &[u8], whole: bool) -> MatchResult {
    let payload = if whole { Payload::whole(bytes) } else { Payload::head(bytes) };
    matcher.test(&Candidate { payload: &payload, text: true })
}

#[test]
fn exact_bytes_are_refused_at_the_first_that_differs() {
    let matcher = matcher(exact(b"ping"));
    assert_eq!(test(&matcher, b"ping", true), MatchResult::Yes);
    assert_eq!(test(&matcher, b"ping", false), MatchResult::NeedMore);
    assert_eq!(test(&matcher, b"pi", false), MatchResult::NeedMore);
    for (bytes, whole) in [(&b"pi"[..], true), (b"x", false), (b"pings", false), (b"", true)] {
        assert_eq!(test(&matcher, bytes, whole), MatchResult::No, "{bytes:?}");
    }
    assert_eq!(matcher.needs(), 4);
}

#[test]
fn a_start_decides_whatever_follows() {
    let matcher = matcher(starts(b"42["));
    assert_eq!(test(&matcher, b"42[", false), MatchResult::Yes);
    assert_eq!(test(&matcher, b"42[\"x\"]", true), MatchResult::Yes);
    assert_eq!(test(&matcher, b"4", false), MatchResult::NeedMore);
    assert_eq!(test(&matcher, b"4", true), MatchResult::No);
    assert_eq!(test(&matcher, b"43", false), MatchResult::No);
    assert_eq!(matcher.needs(), 3);
}

#[test]
fn with_a_longest_length_a_start_must_wait_for_the_end() {
    let matcher = Matcher::new(starts(b"42["), Vec::new(), None, Some(5), 8);
    assert_eq!(test(&matcher, b"42[", false), MatchResult::NeedMore);
    assert_eq!(test(&matcher, b"42[12", true), MatchResult::Yes);
    assert_eq!(test(&matcher, b"42[123", false), MatchResult::No);
}

#[test]
fn a_pattern_waits_for_the_end_up_to_its_length() {
    let matcher = matcher(regex(r"\d+"));
    assert_eq!(test(&matcher, b"12345678", true), MatchResult::Yes);
    assert_eq!(test(&matcher, b"12345678", false), MatchResult::NeedMore);
    assert_eq!(test(&matcher, b"123456789", false), MatchResult::No);
    assert_eq!(matcher.needs(), 8);
}

#[test]
fn a_digest_knows_a_message_by_all_but_its_numbers() {
    let skeleton = Skeleton::WithoutNumbers;
    let digest = Digest::of(skeleton, br#"{"op":"hb","n":0}"#).unwrap();
    let digest = one(Condition::Digest(skeleton, digest));
    let matcher = Matcher::new(digest, Vec::new(), None, Some(32), 8);
    assert_eq!(test(&matcher, br#"{"op":"hb","n":4711}"#, true), MatchResult::Yes);
    assert_eq!(test(&matcher, br#"{"op":"hb","n":4711"#, false), MatchResult::NeedMore);
    assert_eq!(test(&matcher, br#"{"op":"hb","n":"x"}"#, true), MatchResult::No);
    assert_eq!(test(&matcher, &[b'0'; 33], false), MatchResult::No);
    assert_eq!(matcher.needs(), 32);
}

#[test]
fn layouts_are_decided_at_the_byte_that_differs() {
    let fixed = matcher(layout(&[Some(9), None, Some(0)], false));
    assert_eq!(test(&fixed, &[9, 7, 0], true), MatchResult::Yes);
    assert_eq!(test(&fixed, &[9, 7, 0], false), MatchResult::NeedMore);
    assert_eq!(test(&fixed, &[9, 7, 1], false), MatchResult::No);
    assert_eq!(test(&fixed, &[9, 7, 0, 0], false), MatchResult::No);
    let open = matcher(layout(&[Some(9), None], true));
    assert_eq!(test(&open, &[9, 7], false), MatchResult::Yes);
    assert_eq!(test(&open, &[9], true), MatchResult::No);
}

#[test]
fn each_record_fits_one_of_any() {
    let any = vec![exact(b"a"), starts(b"b")];
    let matcher = Matcher::new(anything(), any, Some(Records::Lines), None, 8);
    assert_eq!(test(&matcher, b"a\nbb\na", true), MatchResult::Yes);
    assert_eq!(test(&matcher, b"a\nc", true), MatchResult::No);
    assert_eq!(test(&matcher, b"a\n", false), MatchResult::NeedMore);
    assert_eq!(test(&matcher, b"a\na\na\na\na\n", true), MatchResult::No, "ten bytes");
}

#[test]
fn kinds_are_asked_for_by_each() {
    let (only_text, only_binary) =
        (MessageKinds { text: true, binary: false }, MessageKinds { text: false, binary: true });
    let text = AllOf::new(only_text, vec![Condition::Equals((*b"a").into())]);
    let binary = AllOf::new(only_binary, vec![Condition::Equals((*b"b").into())]);
    let matcher = Matcher::new(anything(), vec![text, binary], None, None, 8);
    assert_eq!(test(&matcher, b"a", true), MatchResult::Yes);
    assert_eq!(test(&matcher, b"b", true), MatchResult::No);
    assert_eq!(
        matcher.test(&Candidate { payload: &Payload::whole(b"b"), text: false }),
        MatchResult::Yes
    );
}

fn any_condition() -> impl Strategy<Value = AllOf> {
    let bytes = || prop::collection::vec(0_u8..3, 0..4);
    let places = prop::collection::vec(prop::option::of(0_u8..3), 0..4);
    prop_oneof![
        bytes().prop_map(|bytes| exact(&bytes)),
        bytes().prop_map(|bytes| starts(&bytes)),
        (places, any::<bool>()).prop_map(|(places, open)| layout(&places, open)),
        Just(regex(r"[\x00\x01]*\x02")),
        Just(anything()),
    ]
}

proptest! {
    /// The first byte rules out nothing that would match.
    #[test]
    fn what_is_refused_by_its_first_byte_does_not_fit(
        all in any_condition(),
        any in prop::collection::vec(any_condition(), 0..3),
        lines: bool,
        max in prop::option::of(0_usize..6),
        bytes in prop::collection::vec(0_u8..3, 0..6),
        whole: bool,
    ) {
        let matcher = Matcher::new(all, any, lines.then_some(Records::Lines), max, 5);
        let payload = if whole { Payload::whole(&bytes) } else { Payload::head(&bytes) };
        let candidate = Candidate { payload: &payload, text: true };
        if matcher.prefilter().admit(None, payload.least()) {
            let inside = matcher.test_inside(&candidate);
            let test = matcher.test(&candidate);
            prop_assert!(test == inside || test == MatchResult::No && inside == MatchResult::NeedMore);
        } else {
            prop_assert_eq!(matcher.test(&candidate), MatchResult::No);
        }
    }

    /// The verdict on a head holds for every message that starts with it.
    #[test]
    fn no_answer_is_taken_back(
        all in any_condition(),
        any in prop::collection::vec(any_condition(), 0..3),
        lines: bool,
        max in prop::option::of(0_usize..6),
        bytes in prop::collection::vec(0_u8..3, 0..8),
        cut in 0_usize..8,
    ) {
        let matcher = Matcher::new(all, any, lines.then_some(Records::Lines), max, 5);
        let whole = test(&matcher, &bytes, true);
        prop_assert!(whole != MatchResult::NeedMore);
        let cut = cut.min(bytes.len());
        let head = test(&matcher, &bytes[..cut], false);
        prop_assert!(head == MatchResult::NeedMore || head == whole, "{head:?} {whole:?}");
        if cut > matcher.needs() {
            prop_assert!(head != MatchResult::NeedMore);
        }
    }
}
