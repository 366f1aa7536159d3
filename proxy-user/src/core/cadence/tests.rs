//! Cadences in simulated time.

use proptest::prelude::*;

use super::*;
use crate::core::pack::Pattern;

const MILLI: u64 = 1_000_000;

/// Feeds messages at these times in milliseconds; returns the hints.
fn feed(messages: &[(u64, &str)]) -> Vec<Hint> {
    let mut cadence = Cadence::default();
    let feed = |&(at, text): &(u64, &str)| {
        cadence.feed(
            Nanos((at + 1_000_000) * MILLI),
            Opcode::Text,
            &Payload::whole(text.as_bytes()),
        )
    };
    messages.iter().filter_map(feed).collect()
}

#[test]
fn the_state_is_small() {
    assert!(size_of::<Cadence>() <= 64, "{}", size_of::<Cadence>());
}

#[test]
fn a_heartbeat_with_a_counter_is_found_at_the_fifth() {
    let texts: Vec<_> =
        (0..7).map(|n| (n * 5000, format!(r#"{{"op":"hb","n":{}}}"#, n * 4))).collect();
    let messages: Vec<_> = texts.iter().map(|(at, text)| (*at, text.as_str())).collect();
    assert_eq!(feed(&messages[..4]), []);
    let hints = feed(&messages);
    assert_eq!(hints.len(), 3);
    let hint = hints[0];
    assert_eq!((hint.period, hint.run), (Duration::from_secs(5), 5));
    assert_eq!((hint.least, hint.most), (17, 18), "{hint:?}");
    assert_eq!(Some(hint.digest), Digest::of(Skeleton::WithoutNumbers, br#"{"op":"hb","n":0}"#));
    assert_eq!(hints[2].run, 7);
}

#[test]
fn anything_between_starts_anew() {
    let beat = |n: u64| (n * 5000, "beat");
    let (before, after): (Vec<_>, Vec<_>) =
        ((0..4).map(beat).collect(), (4..8).map(beat).collect());
    assert_eq!(feed(&[before.clone(), vec![(17_000, "a click")], after.clone()].concat()), []);
    let mut cadence = Cadence::default();
    for (at, text) in before {
        cadence.feed(Nanos(at * MILLI), Opcode::Text, &Payload::whole(text.as_bytes()));
    }
    cadence.disturb();
    for (at, text) in after {
        assert_eq!(
            cadence.feed(Nanos(at * MILLI), Opcode::Text, &Payload::whole(text.as_bytes())),
            None
        );
    }
}

#[test]
fn a_person_is_not_steady() {
    // Clicks on one counter, recorded from a fast and a slow person.
    for clicks in [
        &[0, 310, 550, 1200, 1480, 1900, 2600, 2900, 3300][..],
        &[0, 4100, 6200, 14_000, 15_000, 22_000, 41_000, 44_000],
    ] {
        let messages: Vec<_> = clicks.iter().map(|&at| (at, "click 1")).collect();
        assert_eq!(feed(&messages), [], "{clicks:?}");
    }
}

#[test]
fn what_is_quick_is_not_looked_at() {
    let held_key: Vec<_> = (0..2000).map(|n| (n * 33, "key a")).collect();
    assert_eq!(feed(&held_key), []);
}

#[test]
fn a_hidden_tab_keeps_the_pace_of_its_throttle() {
    // Every 5 s, then hidden: once a minute.
    let at = [0, 5000, 10_000, 15_000, 20_000, 25_000, 60_000, 120_000, 180_000];
    let hints = feed(&at.map(|at| (at, "beat")));
    assert_eq!(hints.last().map(|hint| hint.run), Some(9), "{hints:?}");
    // Half a second, then once a second.
    let at: Vec<_> =
        (0..40).map(|n| if n < 24 { n * 500 } else { 12_000 + (n - 24) * 1000 }).collect();
    let hints = feed(&at.iter().map(|&at| (at, "beat")).collect::<Vec<_>>());
    assert_eq!(hints.last().map(|hint| hint.run), Some(40), "{hints:?}");
}

#[test]
fn opcodes_and_lengths_tell_messages_apart() {
    let mut cadence = Cadence::default();
    for n in 0..20_u64 {
        let opcode = if n % 2 == 0 { Opcode::Text } else { Opcode::Binary };
        assert_eq!(cadence.feed(Nanos(n * 5000 * MILLI), opcode, &Payload::whole(b"beat")), None);
    }
    let long = vec![b'a'; LONGEST + 1];
    for n in 20..40_u64 {
        assert_eq!(
            cadence.feed(Nanos(n * 5000 * MILLI), Opcode::Text, &Payload::whole(&long)),
            None
        );
    }
}

#[test]
fn requests_are_told_apart_by_method_path_and_body() {
    let tick =
        |n: u64| (n * 5000, "POST", "/queue/join", r#"{"fn_index":0,"session":"a1b2c3d4e5"}"#);
    let hints = |requests: &[(u64, &str, &str, &str)]| {
        let mut cadence = Cadence::default();
        let ask = |&(at, method, path, body): &(u64, &str, &str, &str)| {
            let now = Nanos((at + 1_000_000) * MILLI);
            cadence.ask(now, Method::named(method), path, body.as_bytes())
        };
        requests.iter().filter_map(ask).collect::<Vec<_>>()
    };
    let ticks: Vec<_> = (0..7).map(tick).collect();
    let found = hints(&ticks);
    assert_eq!(found.len(), 3);
    assert_eq!((found[0].carrier, found[0].run), (Carrier::Request(Method::named("POST")), 5));
    for other in [
        (22_000, "PUT", "/queue/join", tick(0).3),
        (22_000, "POST", "/queue/cancel", tick(0).3),
        (22_000, "POST", "/queue/join", r#"{"fn_index":1,"session":"a1b2c3d4e5"}"#),
    ] {
        assert_eq!(hints(&[&ticks[..4], &[other], &ticks[4..]].concat()), [], "{other:?}");
    }
}

#[test]
fn ids_in_paths_stand_for_any() {
    for (path, wanted) in [
        ("/ws", "^/ws$"),
        ("/api/v2/socket.io/", r"^/api/v2/socket\.io/$"),
        (
            "/api/kernels/0b5c9c8a-2d1f-4c7e-9d55-0c9b63c1aa11/channels",
            "^/api/kernels/[^/]+/channels$",
        ),
        ("/rooms/42/live?token=secret", "^/rooms/[^/]+/live$"),
        ("/o'brien", r"^/o\x27brien$"),
        ("", "^$"),
    ] {
        assert_eq!(guard(path), wanted, "{path}");
    }
}

#[test]
fn the_pack_to_paste_is_toml() {
    let beats: Vec<_> = (0..5).map(|n| (n * 5000, "beat 1")).collect();
    let hint = feed(&beats)[0];
    let mut hints = Hints::default();
    assert_eq!(pack("demo", &hints), "");
    hints.note(Nanos(7), Some(3), "/ws/o'brien", hint);
    hints.note(Nanos(9), Some(4), "/ws/o'brien", Hint { least: 4, ..hint });
    assert_eq!(hints.len(), 1);
    let text = pack("My.App", &hints);
    let (table, errors) = toml::de::DeTable::parse_recoverable(&text);
    assert!(errors.is_empty(), "{errors:?}\n{text}");
    let table = table.get_ref();
    assert_eq!(table["name"].get_ref().as_str(), Some("my-app-own"));
    let rule = table["message"].get_ref()[0].get_ref();
    assert_eq!(rule["digest"].get_ref().as_str(), Some(hint.digest.to_string().as_str()));
    assert_eq!(rule["path"].get_ref().as_str(), Some(r"^/ws/o\x27brien$"));
    for n in 0..100 {
        hints.note(Nanos(10), Some(4), &format!("/name{}", "x".repeat(n)), hint);
    }
    assert_eq!(hints.len(), hints::KEPT);
}

proptest! {
    /// Any steady timer is found, with up to a tenth of jitter.
    #[test]
    fn steady_is_found(
        period in 2500_u64..120_000,
        jitter in prop::collection::vec(91_u64..109, 5..30),
        text in ".{0,40}",
    ) {
        let mut at = 0;
        let mut messages = vec![(0, text.as_str())];
        for jitter in &jitter {
            at += period * jitter / 100;
            messages.push((at, text.as_str()));
        }
        let hints = feed(&messages);
        prop_assert!(!hints.is_empty());
        let found = hints[0].period.as_millis() as f64 / period as f64;
        prop_assert!((0.9..1.1).contains(&found), "{found}");
    }

    /// For any input, a hint needs five similar messages in a row and ten seconds.
    #[test]
    fn a_hint_needs_five_in_a_row(
        messages in prop::collection::vec((0_u64..30_000, 0_u8..3), 0..200),
    ) {
        let texts = ["a", "b", "c 1"];
        let (mut at, mut alike, mut last) = (0, 0, None);
        let mut cadence = Cadence::default();
        for (gap, which) in messages {
            at += gap;
            alike = if last == Some(which) { alike + 1 } else { 1 };
            last = Some(which);
            let text = texts[usize::from(which)];
            let hint = cadence.feed(Nanos(at * MILLI), Opcode::Text, &Payload::whole(text.as_bytes()));
            prop_assert!(hint.is_none() || alike >= 5);
        }
    }

    #[test]
    fn guards_find_their_paths(path in "(/[a-zA-Z0-9._~'%-]{0,12}){1,5}") {
        let found = Pattern::anywhere(&guard(&path)).unwrap().fits(path.as_bytes());
        prop_assert!(found, "{} for {path}", guard(&path));
    }
}
