//! The history, compared with a model that forgets nothing.

use proptest::prelude::*;

use super::*;

fn key(session: u64, rule: Option<u16>, bytes: u64) -> Key {
    let what = match rule {
        Some(rule) => What::Ignored(RuleIndex(rule)),
        None => What::Counted(Reason::Input, None),
    };
    Key { session: Some(session), what, kind: Kind::Message(Opcode::Text, Size::of(bytes)) }
}

#[test]
fn the_same_again_is_one_entry() {
    let mut history = History::default();
    history.note(Nanos(1), key(1, Some(0), 3));
    history.note(Nanos(2), key(2, Some(0), 3));
    history.note(Nanos(5), key(1, Some(0), 2));
    let seen: Vec<_> =
        history.ignored().map(|e| (e.key.session, e.first.0, e.last.0, e.noted)).collect();
    assert_eq!(seen, [(Some(1), 1, 5, 2), (Some(2), 2, 2, 1)]);
    assert_eq!(history.counted().count(), 0);
}

#[test]
fn heartbeats_of_a_crowd_do_not_push_out_the_click() {
    let mut history = History::default();
    history.note(Nanos(1), key(1, None, 100));
    for session in 2..10_000 {
        history.note(Nanos(session), key(session, Some(0), 1));
    }
    assert_eq!(history.newest(Reason::Input).and_then(|e| e.key.session), Some(1));
    assert_eq!(history.newest(Reason::Output), None);
    assert_eq!(history.ignored().count(), KEPT);
}

proptest! {
    #[test]
    fn a_path_moves_no_cursor_however_plain(path in "[ -~é\t\u{7f}\u{202e}]{0,20}") {
        let bare = path.split(['?', '#']).next().unwrap();
        let shown = Path::shown(&path);
        prop_assert_eq!(shown.as_str(), bare.escape_debug().to_string());
    }
}

#[test]
fn paths_are_cut_and_bare() {
    for (path, shown) in [
        ("/api/foo?token=secret", "/api/foo"),
        ("/a\u{1b}[2J\n", "/a\\u{1b}[2J\\n"),
        ("/\u{202e}live", "/\\u{202e}live"),
        ("", ""),
    ] {
        assert_eq!(Path::shown(path).as_str(), shown);
    }
    let long = Path::shown(&"é".repeat(100));
    assert_eq!(long.as_str(), "é".repeat(32) + "…");
    assert_eq!(Method::named("BREW").as_str(), "other");
}

proptest! {
    #[test]
    fn a_size_holds_its_bytes(bytes: u64) {
        let (least, most) = Size::of(bytes).range();
        prop_assert!((least..=most).contains(&bytes));
        prop_assert!(most <= least.saturating_mul(2).max(1));
    }

    #[test]
    fn what_is_kept_is_the_newest(notes in prop::collection::vec((0_u64..100, 0_u64..3), 0..300)) {
        let mut history = History::default();
        let mut model: Vec<(Key, u64, u64)> = Vec::new();
        for (now, &(session, rule)) in notes.iter().enumerate() {
            let rule = if rule == 0 { None } else { u16::try_from(rule).ok() };
            let (key, now) = (key(session, rule, 1), now as u64);
            history.note(Nanos(now), key.clone());
            match model.iter().position(|(its, ..)| *its == key) {
                Some(at) => {
                    let (key, first, _) = model.remove(at);
                    model.push((key, first, now));
                }
                None => model.push((key, now, now)),
            }
        }
        let counts = |key: &Key| matches!(key.what, What::Counted(..));
        for counted in [true, false] {
            let wanted: Vec<_> =
                model.iter().rev().filter(|(key, ..)| counts(key) == counted).take(KEPT).collect();
            let found: Vec<_> =
                if counted { history.counted().collect() } else { history.ignored().collect() };
            prop_assert_eq!(found.len(), wanted.len());
            for (entry, (key, _, last)) in found.iter().zip(wanted) {
                prop_assert_eq!(&entry.key, key);
                prop_assert_eq!(entry.last.0, *last);
                prop_assert!(entry.first <= entry.last && entry.noted >= 1);
            }
        }
    }
}
