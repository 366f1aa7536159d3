use super::*;

fn mistakes(text: &str) -> Vec<String> {
    let mistakes = parse(text, Path::new("demo.toml")).unwrap_err();
    mistakes.iter().map(ToString::to_string).collect()
}

#[test]
fn every_mistake_is_told_at_once() {
    let text = r#"name = "other"
cuont = "input"
confidence = "certain"

[[connection]]

[[message]]
id = "beat"
from = "client"
class = "heartbeet"
regex = '(a)\1'

[[message]]
id = "beat"
from = "server"
class = "heartbeat"

[[message]]
id = "Beat"
class = "heartbeat"
hex = "8801 0"
max = 0
any = [{ text = "a", hex = "61" }, {}]

[[message]]
id = "json"
from = "app"
class = "ack"
json = { type = 1.5, ids = { each = '(' }, deep.er = [] }
keys = "id"
within = "soon"

[[request]]
id = "reopened"
class = "poll"
upgrade = "yes"

[heartbeat]
ask = "pong"
answer = "json"
timeout = "0s"
"#;
    let expected = include_str!("mistakes.txt");
    let told = mistakes(text);
    assert_eq!(told, expected.lines().collect::<Vec<_>>(), "\n{}", told.join("\n"));
}

#[test]
fn a_file_that_is_no_pack_is_told_so() {
    let told = mistakes("listen = [\"127.0.0.1:0\"]\n");
    assert!(
        told.iter().any(|line| line.starts_with("demo.toml:1: unknown key `listen`")),
        "{told:?}"
    );
    let nameless = "demo.toml:1: the file has no `name`; add one, such as name = \"socketio\"";
    assert!(told.iter().any(|line| line == nameless), "{told:?}");
}

#[test]
fn what_is_too_large_is_refused() {
    let head = "name = \"demo\"\n";
    let rules = format!("{head}{}", "[[message]]\n".repeat(300));
    assert_eq!(mistakes(&rules), ["demo.toml:1: there are 300 rules; a pack has at most 256"]);
    let large = format!("{head}#{}", "x".repeat(300_000));
    assert_eq!(
        mistakes(&large),
        ["demo.toml:1: the file is too large; a pack has at most 256 KiB"]
    );
    let any = "{ regex = '[a-z]{900}' },".repeat(60);
    let rule = |n: usize| {
        format!("[[message]]\nid = \"r{n}\"\nfrom = \"app\"\nclass = \"ack\"\nany = [{any}]\n")
    };
    let patterns: String = (0..9).map(rule).collect();
    let told = mistakes(&format!("{head}{patterns}"));
    assert!(told[0].ends_with("this is pattern 513 of the pack; use at most 512"), "{told:?}");
    let deep = format!("{head}[[message]]\njson = {}1{}", "{ a = ".repeat(9999), " }".repeat(9999));
    assert!(!mistakes(&deep).is_empty());
}

#[test]
fn a_directory_overrides_by_name_and_an_unknown_name_is_told() {
    let folder = std::env::temp_dir().join(format!("ebbtide-packs-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("socketio.toml"), "name = \"socketio\"\nabout = \"mine\"\n")
        .unwrap();
    std::fs::write(folder.join("own.toml"), "name = \"own\"\n").unwrap();
    std::fs::write(folder.join("notes.txt"), "no pack").unwrap();
    let packs = Packs::open(Some(&folder)).unwrap();
    assert_eq!(packs.get("socketio").unwrap().pack.about.about, "mine");
    assert!(packs.get("own").unwrap().path.is_some());
    assert!(packs.get("streamlit").unwrap().path.is_none());
    let error = packs.get("streamlti").unwrap_err().to_string();
    assert_eq!(error, "there is no pack \"streamlti\"; did you mean \"streamlit\"?");
    std::fs::write(folder.join("own.toml"), "name = \"owned\"\n").unwrap();
    let error = Packs::open(Some(&folder)).unwrap_err().to_string();
    assert!(error.ends_with(
        "own.toml:1: `name` is \"owned\" in a file called \"own.toml\"; give both one name"
    ));
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(matches!(Packs::open(Some(&folder)), Err(PacksError::Directory { .. })));
}

#[test]
fn auto_stands_for_all_and_named_ones_come_first() {
    let packs = Packs::open(None).unwrap();
    let names = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        packs.book(&names).unwrap()
    };
    assert!(names(&[]).is_empty());
    let auto = names(&["auto", "streamlit"]);
    assert_eq!(auto.pack_names(u64::MAX).next(), Some("streamlit"));
    assert_eq!(auto.applicable_set(0), 1);
    let all = packs.iter().filter(|file| !file.pack.named_only).count();
    assert_eq!(auto.pack_names(u64::MAX).count(), all);
    assert_eq!(names(&["streamlit", "streamlit"]).pack_names(u64::MAX).count(), 1);
}

#[test]
fn apps_with_the_same_packs_share_a_book() {
    let packs = Packs::open(None).unwrap();
    let lists: [&[&str]; 4] = [&["auto"], &["streamlit"], &["auto"], &["auto", "streamlit"]];
    let lists = lists.map(|list| list.iter().map(|&name| name.to_owned()).collect::<Vec<_>>());
    let books = packs.books(lists.iter().map(|list| &**list)).unwrap();
    assert_eq!(books.len(), 4);
    assert!(Arc::ptr_eq(&books[0], &books[2]));
    assert!(!Arc::ptr_eq(&books[0], &books[1]) && !Arc::ptr_eq(&books[0], &books[3]));
    let unknown = ["nobody".to_owned()];
    assert!(packs.books([&unknown[..]].into_iter()).is_err());
}

/// What `ebbtide explain` offers for pasting is a valid pack, and ignores the steady messages.
#[test]
fn a_hint_s_pack_knows_its_messages() {
    use crate::core::cadence::{Cadence, Hints, pack};
    use crate::core::frame::Opcode;
    use crate::core::pack::{Context, Judgement, Message, Opening};
    use crate::core::payload::Payload;
    use crate::core::time::Nanos;

    let (mut cadence, mut hints) = (Cadence::default(), Hints::default());
    for n in 0..6_u64 {
        let now = Nanos((100 + n * 5) * 1_000_000_000);
        let beat = format!(r#"{{"op":"hb","n":{n}}}"#);
        if let Some(hint) = cadence.feed(now, Opcode::Text, &Payload::whole(beat.as_bytes())) {
            hints.note(now, Some(1), "/live/7/o'brien", hint);
        }
    }
    let text = pack("My.App", &hints);
    let pack = parse(&text, Path::new("my-app-own.toml")).unwrap_or_else(|e| panic!("{e}\n{text}"));
    let book = RuleBook::new(vec![Arc::new(pack)], false);
    let judgement = |path, payload: &[u8]| {
        let opening = Opening { path, query: "", subprotocol: None, unattended: false };
        let age = std::time::Duration::from_secs(60);
        let message = Message {
            opcode: Opcode::Text,
            payload: &Payload::whole(payload),
            age,
            first: false,
            context: Context::default(),
        };
        book.connection(&opening).input.judge(&book, &message)
    };
    let later = br#"{"op":"hb","n":1234567890}"#;
    assert!(matches!(judgement("/live/9/o'brien", later), Judgement::Ignored(_)), "{text}");
    assert_eq!(judgement("/other", later), Judgement::Activity(None));
    assert_eq!(judgement("/live/9/o'brien", br#"{"op":"click"}"#), Judgement::Activity(None));
}

/// The same for requests: it matches the tick of another session, but not a button.
#[test]
fn a_hint_s_pack_knows_its_requests() {
    use crate::core::cadence::{Hints, Paces, pack};
    use crate::core::history::Method;
    use crate::core::pack::{Judgement, RequestHead, RequestJudgement};
    use crate::core::time::Nanos;

    let body = |trigger: u8, session: &str| {
        format!(r#"{{"data":[],"fn_index":0,"trigger_id":{trigger},"session_hash":"{session}"}}"#)
    };
    let (mut paces, mut hints) = (Paces::default(), Hints::default());
    for n in 0..6_u64 {
        let now = Nanos((100 + n * 5) * 1_000_000_000);
        for (browser, path) in [(1, "/gradio_api/queue/join"), (2, "/other/queue/join")] {
            let tick = body(2, "597hlvemepk");
            let pace = paces.of(browser);
            if let Some(hint) = pace.ask(now, Method::named("POST"), path, tick.as_bytes()) {
                hints.note(now, None, path, hint);
            }
        }
    }
    let text = pack("demo", &hints);
    let pack = parse(&text, Path::new("demo-own.toml")).unwrap_or_else(|e| panic!("{e}\n{text}"));
    let book = RuleBook::new(vec![Arc::new(pack)], false);
    let judge = |query: &str, body: String| {
        let path = "/gradio_api/queue/join";
        let head = RequestHead { method: "POST", path, query, reopened: None };
        match book.request(&head, 0) {
            RequestJudgement::Decided(judgement) => judgement,
            RequestJudgement::NeedsBody(_) => book.request_body(&head, 0, body.as_bytes(), true),
        }
    };
    assert!(matches!(judge("", body(2, "q8s2x1m4lm")), Judgement::Ignored(_)), "{text}");
    assert_eq!(judge("", body(8, "597hlvemepk")), Judgement::Activity(None));
    assert_eq!(judge("x=1", body(2, "597hlvemepk")), Judgement::Activity(None));
}
