//! What the built-in packs make of recorded traffic of real frameworks, each recognised by nothing but
//! its own: a tab that nobody uses must not count once its page is open, and nothing of what a person
//! does may be ignored.
//!
//! The recordings are those of `tests/data/packs`, or others that `EBBTIDE_RECORDINGS` names.
//! `cargo test --test recordings -- --nocapture` shows the table.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on stops and says why"
)]

mod harness;

use std::path::{Path, PathBuf};

use ebbtide::packs::Packs;
use ebbtide::replay::{Labels, Outcome, find, replay, table};
use harness::command::{ebbtide, finish};
use harness::scratch::Scratch;

/// What counts in a tab that nobody uses, and why it must (docs/packs.md says more): recording, what,
/// how often at most.
const AMBIGUOUS: &[(&str, &str, u64)] = &[
    // The tick of a gr.Timer is a click, byte for byte, and so is its answer.
    ("gradio-timer", "POST /gradio_api/queue/join", 36),
    ("gradio-timer", "event on /gradio_api/queue/data", 108),
    // An autosave is what Ctrl-S sends.
    ("jupyterlab", "PUT /api/contents/nb.ipynb", 1),
    // Its client was a script, which cleans up at the end.
    ("jupyter-json", "DELETE /api/kernels/", 1),
    ("jupyter-json", "DELETE /api/terminals/", 1),
    // Its server was a stub that never lets anybody in, so that the client leaves and joins again and
    // again. With a real one it is somebody who goes from view to view.
    ("phoenix", "message of 3", 16),
];

/// The packs by which each framework is recognised, by the first words of the recordings' names.
const PACKS: &[(&str, &str)] = &[
    ("actioncable", "actioncable"),
    ("bokeh", "bokeh"),
    ("code-server", "vscode"),
    ("dash", "dash"),
    ("gradio-", "gradio"),
    ("graphql", "graphql"),
    ("jupyter", "jupyter"),
    ("mqtt", "mqtt"),
    ("nicegui", "nicegui socketio"),
    ("phoenix", "phoenix"),
    ("shiny", "shiny"),
    ("signalr", "signalr"),
    ("socketio", "socketio"),
    ("sockjs", "sockjs"),
    ("stomp", "stomp"),
    ("streamlit", "streamlit"),
    ("vite", "vite"),
];

fn folders() -> Vec<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/packs");
    match std::env::var_os("EBBTIDE_RECORDINGS") {
        Some(folder) => vec![folder.into()],
        None => vec![own.join("recordings"), own.join("work")],
    }
}

fn outcomes(folders: &[PathBuf]) -> Vec<Outcome> {
    let packs = Packs::open(None).unwrap();
    let book = packs.book(&["auto".to_owned()]).unwrap();
    let labels = Labels::find(folders).unwrap();
    find(folders).unwrap().iter().map(|recording| replay(&book, recording, &labels)).collect()
}

#[test]
fn nobody_counts_for_nobody_and_everybody_for_somebody() {
    let outcomes = outcomes(&folders());
    println!("{}", table(&outcomes));
    let mut wrong = Vec::new();
    for outcome in &outcomes {
        let name = &outcome.recording;
        for (what, count) in &outcome.wrong {
            let allowed = AMBIGUOUS.iter().any(|(recording, start, _)| {
                recording == name && outcome.tab != "person" && what.starts_with(start)
            });
            if !allowed {
                wrong.push(format!("{name}: {count} x {what}"));
            }
        }
        for (_, start, most) in AMBIGUOUS.iter().filter(|(recording, ..)| recording == name) {
            let found = outcome.wrong.iter().filter(|(what, _)| what.starts_with(start));
            let found: u64 = found.map(|(_, count)| count).sum();
            if found > *most {
                wrong.push(format!("{name}: {found} x {start}, more than {most}"));
            }
        }
        if outcome.tab == "person" && outcome.acts.seen > 0 && outcome.acts.counted == 0 {
            wrong.push(format!("{name}: nothing that a person did counts"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// So much work may be missed in seconds: what a clock of another process is off by.
const MISSED: f64 = 0.1;
/// So much may be imagined in seconds: the wire's own delay.
const IMAGINED: f64 = 5.0;

#[test]
fn work_is_seen_while_the_wire_shows_it() {
    let mut wrong = Vec::new();
    let outcomes = outcomes(&folders());
    for outcome in &outcomes {
        let work = outcome.work;
        if work.missed > MISSED || work.imagined > IMAGINED {
            wrong.push(format!("{}: {work:?}", outcome.recording));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    if std::env::var_os("EBBTIDE_RECORDINGS").is_none() {
        let worked = outcomes.iter().filter(|outcome| outcome.work.worked > 0.0).count();
        assert!(worked >= 30, "work in {worked} recordings");
    }
}

#[test]
fn frameworks_are_recognised_by_their_own_traffic() {
    for outcome in outcomes(&folders()) {
        let name = &outcome.recording;
        let mut plain = &**name;
        for prefix in ["act-", "busy-", "rc-", "down-", "collab-"] {
            plain = plain.strip_prefix(prefix).unwrap_or(plain);
        }
        if let Some((_, packs)) = PACKS.iter().find(|(start, _)| plain.starts_with(start)) {
            assert_eq!(outcome.packs.join(" "), *packs, "{name}");
        }
    }
}

#[test]
fn labelled_messages_are_what_their_labels_say() {
    let labels = Labels::find(&folders()).unwrap();
    let packs = Packs::open(None).unwrap();
    let wrong = labels.judge(&packs.book(&["auto".to_owned()]).unwrap());
    assert!(wrong.is_empty(), "{} of {}: {wrong:#?}", wrong.len(), labels.len());
}

const FRAMES: &str = r#"
{"t": 1.0, "conn": 1, "event": "open", "req": "GET /socket.io/?EIO=4 HTTP/1.1", "server_ext": null, "server_protocol": null}
{"t": 50.0, "conn": 1, "dir": "c2s", "opcode": 1, "fin": 1, "rsv1": 0, "frame_len": 1, "msg_opcode": 1, "frags": 1, "msg_len": 1, "payload_base64": "Mw=="}
{"t": 51.0, "conn": 1, "dir": "s2c", "opcode": 9, "fin": 1, "rsv1": 0, "frame_len": 0, "payload_base64": ""}
{"t": 60.0, "conn": 1, "dir": "c2s", "opcode": 1, "fin": 1, "rsv1": 0, "frame_len": 7, "msg_opcode": 1, "frags": 1, "msg_len": 7, "payload_base64": "NDJbIngiXQ=="}
"#;

/// `ebbtide packs test` says the same of one file, and what is wrong with it.
#[test]
fn the_command_shows_a_recording_of_ones_own() {
    let scratch = Scratch::new();
    let file = scratch.file("own.jsonl", FRAMES).display().to_string();
    scratch.file(
        "own.http.jsonl",
        r#"{"t": 70.0, "conn": 9, "ev": "req", "req": "POST /buy HTTP/1.1"}"#,
    );
    let told = finish(ebbtide().args(["packs", "test", &file]));
    assert_eq!(told.code, Some(0), "{told:?}");
    for said in ["own", "socketio/pong 1", "1 x POST /buy", r#"1 x message of 7 bytes: 42["x"]"#] {
        assert!(told.stdout.replace('\\', "").contains(said), "{said}:\n{}", told.stdout);
    }
    let told = finish(ebbtide().args(["packs", "test", "--packs", "streamlit", "--json", &file]));
    let outcomes: serde_json::Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!(outcomes[0]["messages"]["counted"], 2, "{outcomes}");
    assert_eq!(outcomes[0]["output"]["seen"], 0, "a ping is no message: {outcomes}");
}

#[test]
fn the_command_lists_and_shows_packs() {
    let told = finish(ebbtide().args(["packs", "list"]));
    assert!(told.stdout.lines().any(|line| line.starts_with("streamlit ")), "{told:?}");
    let told = finish(ebbtide().args(["packs", "show", "streamlit"]));
    assert_eq!(told.stdout, include_str!("../packs/streamlit.toml"));
    let told = finish(ebbtide().args(["packs", "list", "--markdown"]));
    let documented = include_str!("../../docs/packs.md").contains(&told.stdout);
    assert!(documented, "docs/packs.md does not have this table:\n{}", told.stdout);
}

#[test]
fn what_cannot_be_tried_is_said_plainly() {
    let scratch = Scratch::new();
    let broken = scratch.file("broken.jsonl", "{\"t\": 1}\nnot json\n").display().to_string();
    let empty = scratch.file("empty.txt", "").parent().unwrap().join("nowhere.jsonl");
    let empty = empty.display().to_string();
    for (words, code, said) in [
        (&["show", "streamlti"][..], 2, "did you mean \"streamlit\"?"),
        (&["test", &broken], 1, "broken.jsonl:2: this is not a JSON object"),
        (&["test", &empty], 1, "there is no recording here"),
        (&["test", &broken, "--packs", "streamlti"], 2, "did you mean \"streamlit\"?"),
        (&["list", "--pack-dir", "no/such/folder"], 1, "cannot list the packs"),
    ] {
        let told = finish(ebbtide().arg("packs").args(words));
        assert_eq!(told.code, Some(code), "{words:?}: {told:?}");
        assert!(told.stderr.contains(said), "{words:?}: {told:?}");
    }
}
