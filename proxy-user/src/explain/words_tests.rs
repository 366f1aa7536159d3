//! Whole answers, word for word.

use super::*;

fn detail(json: &str) -> AppDetail {
    serde_json::from_str(json).unwrap()
}

const QUIET: &str = r#"{
  "app": "demo", "state": "running", "now": "2026-11-22T12:00:00Z", "sessions": 0, "packs": [],
  "packs_recognised": [], "count": "pack", "last_activity": null, "ignored": [],
  "ignored_output": 0, "idle_after_seconds": null, "on_idle": null, "suspends_at": null,
  "shadow": null, "cadence_hints": 0, "history": {"counted": [], "ignored": []}, "hints": [],
  "hints_pack": ""
}"#;

#[test]
fn an_app_that_nobody_used() {
    let wanted = "\
demo is running, with no session open.

Last activity
  None since Ebbtide started.

Ignored as automatic traffic
  Nothing so far.

Suspension
  Never: the app has no idle_after.

Packs
  None: every data frame and request counts. packs = [\"auto\"] recognises frameworks.
";
    assert_eq!(tell(&detail(QUIET), false), wanted);
    assert!(tell(&detail(QUIET), true).starts_with("\x1b[1mdemo is"));
}

#[test]
fn an_app_that_is_at_work() {
    let work = r#""work": {"since": "2026-11-22T11:48:00Z", "seconds": 720.0, "last_ended": null, "cpu_percent": 34.6, "open": [
        {"rule": "cpu", "count": 1, "since": "2026-11-22T11:58:00Z", "by": "person", "watched": false},
        {"rule": "jupyter/cell", "count": 1, "since": "2026-11-22T11:48:00Z", "by": "person", "watched": false},
        {"rule": "shiny/flush", "count": 2, "since": "2026-11-22T11:59:59Z", "by": "page", "watched": true}
    ]}, "shadow": null"#;
    let told = tell(&detail(&QUIET.replace("\"shadow\": null", work)), false);
    let wanted = "\
Work in progress
  At work for somebody for 12 min, since 2026-11-22T11:48:00Z.
  its CPU, 35 % of one core over the last minute, since 2026-11-22T11:58:00Z.
  jupyter/cell: 1, since 2026-11-22T11:48:00Z, asked for by somebody who has gone since.
  shiny/flush: 2, since 2026-11-22T11:59:59Z, started by a page itself, which keeps nothing awake.
";
    assert!(told.contains(wanted), "{told}");
}

#[test]
fn a_forgotten_tab_under_a_shadow() {
    let busy = r#"{
  "app": "demo", "state": "running", "now": "2026-11-22T12:00:00Z", "sessions": 2,
  "packs": ["auto"], "packs_recognised": ["streamlit"], "count": "pack",
  "last_activity": {"at": "2026-11-22T11:43:00.000Z", "ago_seconds": 1020.4, "reason": "input",
    "session": 4, "kind": "binary", "bytes": [64, 127]},
  "ignored": [{"rule": "streamlit/app-heartbeat", "reason": "heartbeat", "count": 61,
    "last": "2026-11-22T11:59:58.000Z", "ago_seconds": 2.2, "session": 4}],
  "ignored_output": 812, "idle_after_seconds": 900.0, "on_idle": "shadow", "suspends_at": null,
  "shadow": {"suspended": true, "suspends_at": "2026-11-22T11:58:00.000Z",
    "suspends_in_seconds": -120.0,
    "opcode_only": {"suspends_at": "2026-11-22T12:14:58.000Z", "suspended": false},
    "presence": {"suspended": false, "held_by_sessions": 2},
    "times": 3, "watched_seconds": 90061.0,
    "suspended_seconds": {"counted": 36000.0, "opcode_only": 59.0, "presence": 0.0}},
  "cadence_hints": 0,
  "history": {"counted": [{"first": "a", "last": "2026-11-22T11:43:00.000Z", "noted": 7,
    "reason": "request", "kind": "request", "method": "GET", "path": "/report"}], "ignored": []},
  "hints": [{"period_seconds": 5.0, "kind": "text", "bytes": [17, 18], "run": 9, "digest": "ab",
    "path": "/ws", "session": 5, "first": "a", "last": "b", "ago_seconds": 3.0, "rule": "r"}],
  "hints_pack": "name = \"demo-own\"\n"
}"#;
    let wanted = "\
demo is running, with 2 sessions open.

Last activity
  17 min ago, at 2026-11-22T11:43:00.000Z: input (binary, 64 to 127 bytes) in session 4.
  No rule ignores it, so it counts.

Ignored as automatic traffic
  streamlit/app-heartbeat (heartbeat): 61 times, last 2 s ago in session 4.
  812 messages of the app did not count; count = \"both\" would count them.

Suspension
  It would have been suspended 2 min ago, at 2026-11-22T11:58:00.000Z: 15 min after its last activity.
  on_idle = \"shadow\" only says so. Other ways of counting:
    any data frame or request: not before 2026-11-22T12:14:58.000Z.
    open connections: not while 2 sessions are open.
  In 1 d 1 h it would have been suspended 3 times, for 10 h; by data frames for 59 s, by connections for 0 s.

Packs
  auto; count = \"pack\".
  Recognised: streamlit.

Recently counted, at most one per second and reason
  2026-11-22T11:43:00.000Z  GET /report, 7 times

Probably automatic, but no rule ignores it
  Every 5 s, text of 17 to 18 bytes, 9 in a row, last 3 s ago in session 5 on /ws.
  It counts until you say otherwise. Make sure that no person sends it; then put this into
  demo-own.toml in pack_dir, and \"demo-own\" into the app's packs:

name = \"demo-own\"
";
    assert_eq!(tell(&detail(busy), false), wanted);
}

#[test]
fn an_app_that_is_not_there_and_whose_time_runs_all_the_same() {
    let watched = QUIET
        .replace("running", "failed")
        .replace("\"ignored_output\": 0", "\"ignored_output\": 1")
        .replace("\"idle_after_seconds\": null", "\"idle_after_seconds\": 30.0");
    let shadow = r#""shadow": {"suspended": true, "suspends_at": "T", "suspends_in_seconds": -5.0,
        "opcode_only": {"suspends_at": "T", "suspended": true},
        "presence": {"suspends_at": "T", "suspended": true},
        "times": 1, "watched_seconds": 35.0,
        "suspended_seconds": {"counted": 5.0, "opcode_only": 5.0, "presence": 5.0}}"#;
    let told = tell(&detail(&watched.replace("\"shadow\": null", shadow)), false);
    assert!(told.starts_with("demo accepts no connections, with no session open.\n"), "{told}");
    assert!(told.contains("  None since Ebbtide started.\n"), "{told}");
    let since = "It would have been suspended 5 s ago, at T: 30 s after Ebbtide began to watch it.";
    assert!(told.contains(since), "{told}");
    let output = "  1 message of the app did not count; count = \"both\" would count them.\n";
    assert!(told.contains(output), "{told}");
}

#[test]
fn an_app_with_a_driver_says_where_it_stands() {
    let told = |state: &str, more: &str| {
        let driven = QUIET.replace("\"running\"", &format!("\"{state}\"")).replace(
            "\"sessions\"",
            &format!("\"driver\": \"process\", \"since\": \"T\", \"since_seconds\": 3.0, {more} \"sessions\""),
        );
        let driven =
            driven.replace("\"idle_after_seconds\": null", "\"idle_after_seconds\": 900.0");
        tell(&detail(&driven), false)
    };
    let asleep = told("suspended", "");
    let line = "  Suspended since T, for 3 s; the next person who opens it starts it.\n";
    assert!(
        asleep.starts_with(&format!("demo is suspended, with no session open.\n{line}")),
        "{asleep}"
    );
    assert!(asleep.contains("  When it runs: after 15 min without activity.\n"), "{asleep}");
    assert!(told("starting", "").contains("  Starting since T, for 3 s.\n"));
    let failed = told("failed", "\"failure\": \"no such program\", \"next_try_in_seconds\": 4.0,");
    let line =
        "  It could not start, or ended, 3 s ago: no such program. It is tried again in 4 s.\n";
    assert!(
        failed.starts_with(&format!("demo has failed, with no session open.\n{line}")),
        "{failed}"
    );
    let kept = told("running", "");
    assert!(kept.contains("  Not now: it is inside one of its keep_awake times.\n"), "{kept}");
}
