//! What the account remembers.

use super::*;
use crate::core::pack::Class;
use crate::core::payload::Payload;

const SECOND: u64 = 1_000_000_000;
const TEXT: (Opcode, u64) = (Opcode::Text, 1);

fn account(events: &Events) -> Account {
    let app = config::App::new("demo".to_owned(), "http://127.0.0.1:1".parse().ok());
    let rule = |id: &str, class| RuleName { pack: "toy".into(), id: id.into(), class };
    let rules = vec![rule("beat", Class::Heartbeat), rule("poll", Class::Poll)];
    let account = Account::new(&app, events.clone(), Nanos(SECOND));
    assert_eq!(account.adopt(&rules), [RuleIndex(0), RuleIndex(1)]);
    account
}

fn get(path: &str) -> Asked<'_> {
    Asked { method: "GET", path, upgrade: false, session: None }
}

#[test]
fn the_newest_is_known_whatever_the_history_left_out() {
    let account = account(&Events::default());
    assert!(account.newest(Reason::Input).is_none());
    for (millis, session) in [(5000, 1), (5100, 2), (5101, 3), (5200, 4)] {
        account.counted(
            Nanos(millis * 1_000_000),
            session,
            Reason::Input,
            None,
            Opcode::Binary,
            100,
        );
    }
    let last = account.newest(Reason::Input).unwrap();
    assert_eq!(last.key.session, Some(4));
    assert_eq!(last.key.kind, Kind::Message(Opcode::Binary, Size::of(100)));
    assert!(Nanos(5_200_000_000).since(last.at).as_millis() <= 4);
    let noted: Vec<_> = account.history().counted().map(|entry| entry.key.session).collect();
    assert_eq!(noted, [Some(1)], "one a second");
    account.counted(Nanos(6_100_000_000), 9, Reason::Input, None, Opcode::Text, 1);
    assert_eq!(account.history().counted().count(), 2);
}

#[test]
fn requests_are_told_by_path_and_method() {
    let account = account(&Events::default());
    account.asked(Nanos(5 * SECOND), &get("/report?user=7"), None);
    account.asked(Nanos(5 * SECOND + 1), &get("/style.css"), None);
    account.asked_in_vain(Nanos(6 * SECOND), &get("/health"), RuleIndex(1));
    let last = account.newest(Reason::Request).unwrap();
    assert_eq!(last.key.kind, Kind::Request(Method::named("GET"), Path::shown("/style.css")));
    let history = account.history();
    let kinds: Vec<_> = history.counted().map(|entry| entry.key.kind.clone()).collect();
    assert_eq!(kinds, [Kind::Request(Method::named("GET"), Path::shown("/report"))]);
    assert_eq!(history.ignored().count(), 1);
    let sight = account.sight(None, 0);
    assert_eq!(sight.counted, Nanos(SECOND), "nothing counted, so the time is that of the account");
    assert!(sight.request >= Nanos(6 * SECOND - 5_000_000) && sight.any == sight.request);
}

#[test]
fn what_rules_ignore_is_counted_by_class() {
    let account = account(&Events::default());
    let met = [MetRules::default(), MetRules::default()];
    for beat in 0..10 {
        for session in (1..).zip(&met) {
            let now = Nanos((5 + beat) * SECOND);
            account.ignored(now, session, RuleIndex(0), TEXT);
        }
    }
    account.uncounted(Nanos(20 * SECOND), Reason::Output);
    // An index without a rule changes nothing.
    account.ignored(Nanos(21 * SECOND), (1, &met[0]), RuleIndex(9), TEXT);
    let rules = account.ignored_by_rule();
    assert_eq!(rules.len(), 1);
    assert_eq!((rules[0].count, rules[0].last), (20, Nanos(14 * SECOND)));
    let classes = account.ignored_by_class();
    assert!(classes.contains(&(Class::Heartbeat, 20)) && classes.contains(&(Class::Poll, 0)));
    assert!(account.newest(Reason::Output).is_none());
}

#[tokio::test]
async fn each_session_s_first_heartbeat_is_an_event() {
    let events = Events::default();
    let account = account(&events);
    let mut listener = events.listen().unwrap();
    for session in 1..=3 {
        let met = MetRules::default();
        for beat in 0..5 {
            let now = Nanos((5 + beat) * SECOND);
            account.ignored(now, (session, &met), RuleIndex(0), TEXT);
        }
    }
    account.counted(Nanos(30 * SECOND), 2, Reason::Input, None, Opcode::Text, 9);
    let mut told = Vec::new();
    for _ in 0..4 {
        let event = listener.next().await.unwrap();
        let EventKind::Traffic { key, rule } = &event.kind else { panic!("{event:?}") };
        let counted = matches!(key.what, What::Counted(..));
        told.push((counted, key.session, rule.as_ref().map(ToString::to_string)));
    }
    let beat = || Some("toy/beat".to_owned());
    let ignored = |session| (false, Some(session), beat());
    assert_eq!(told, [ignored(1), ignored(2), ignored(3), (true, Some(2), None)]);
}

#[test]
fn a_pace_becomes_a_hint() {
    let account = account(&Events::default());
    let mut cadence = Cadence::default();
    for n in 0..6 {
        let now = Nanos((100 + 7 * n) * SECOND);
        account.unknown(
            now,
            &mut cadence,
            (4, "/live/77"),
            Opcode::Text,
            &Payload::whole(b"tick 1"),
        );
    }
    let hints = account.hints();
    let hint = hints.iter().next().unwrap();
    assert_eq!((hint.session, &*hint.guard, hint.hint.run), (Some(4), "^/live/[^/]+$", 6));
    assert_eq!(account.hint_count(), 1);
}

#[test]
fn a_rule_keeps_its_number_and_its_count_from_book_to_book() {
    let account = account(&Events::default());
    account.ignored(Nanos(5 * SECOND), (1, &MetRules::default()), RuleIndex(1), TEXT);
    let rule = |id: &str, class| RuleName { pack: "toy".into(), id: id.into(), class };
    let other = [rule("poll", Class::Poll), rule("beat", Class::Ack), rule("new", Class::Timer)];
    assert_eq!(account.adopt(&other), [RuleIndex(1), RuleIndex(2), RuleIndex(3)]);
    account.ignored(Nanos(6 * SECOND), (2, &MetRules::default()), RuleIndex(1), TEXT);
    // A session that uses the first book continues.
    account.ignored(Nanos(7 * SECOND), (1, &MetRules::default()), RuleIndex(0), TEXT);
    let counts = account.ignored_by_rule();
    let counts: Vec<_> = counts.iter().map(|rule| (&*rule.rule.id, rule.count)).collect();
    assert_eq!(counts, [("beat", 1), ("poll", 2)]);
    assert_eq!(account.rule_of(What::Ignored(RuleIndex(2))), Some(rule("beat", Class::Ack)));
}
