//! Which folder of `src` may use which: no circle, and no arrow that nobody has decided on.
//!
//! `cargo test -p proxy-user --test arrows -- --nocapture` prints the arrows as they are.

#![allow(clippy::unwrap_used, reason = "a test may stop where it stands")]
#![allow(clippy::print_stdout, reason = "the arrows are to be seen")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Each folder (or file beside `lib.rs`) with those that it may use, from the bottom up: a folder uses
/// only what stands above it in this list.
const ALLOWED: [(&str, &[&str]); 42] = [
    // Pure machines, and what knows nothing of the rest.
    ("core", &[]),
    ("error", &[]),
    ("control_plane", &[]),
    ("listen", &["core"]),
    ("logging", &[]),
    ("service_manager", &[]),
    ("signals", &[]),
    ("clock", &["core"]),
    ("access_log", &["clock", "core"]),
    ("toml_file", &[]),
    ("sockets", &["core"]),
    ("tls", &["core"]),
    ("replay", &["core"]),
    // What is configured, and what happens.
    ("packs", &["core", "toml_file"]),
    ("config", &["core", "packs", "tls", "toml_file"]),
    ("descriptors", &["config"]),
    (
        "drivers",
        &[
            "clock",
            "config",
            "control_plane",
            "core",
            "descriptors",
            "error",
            "sockets",
            "toml_file",
        ],
    ),
    ("events", &["core"]),
    ("access", &["clock", "config", "control_plane", "core", "error"]),
    // HTTP on one connection, and the way to an app.
    ("http", &["clock", "core", "sockets"]),
    ("upstream", &["clock", "config", "core", "http", "sockets", "tls"]),
    ("privileges", &["sockets"]),
    ("doctor", &["drivers", "sockets"]),
    // Apps and their sessions.
    ("session", &["clock", "config", "core", "events", "sockets"]),
    ("serving", &["clock", "config", "core", "events", "session"]),
    ("pump", &["clock", "core", "session"]),
    ("metrics", &["clock", "core", "serving", "session", "sockets"]),
    ("views", &["clock", "core", "events", "session", "sockets", "toml_file"]),
    // What serves, watches and tells.
    (
        "proxy",
        &[
            "access",
            "access_log",
            "clock",
            "config",
            "core",
            "descriptors",
            "error",
            "events",
            "http",
            "listen",
            "metrics",
            "pump",
            "serving",
            "session",
            "sockets",
            "tls",
            "upstream",
        ],
    ),
    ("reaper", &["clock", "config", "core", "metrics", "serving", "session", "sockets"]),
    ("shadow", &["clock", "core", "events", "serving", "session"]),
    (
        "activity",
        &["clock", "config", "control_plane", "core", "error", "metrics", "serving", "session"],
    ),
    (
        "notify",
        &[
            "clock",
            "config",
            "control_plane",
            "core",
            "error",
            "events",
            "metrics",
            "toml_file",
            "views",
        ],
    ),
    (
        "keeper",
        &[
            "clock",
            "config",
            "control_plane",
            "core",
            "drivers",
            "error",
            "metrics",
            "serving",
            "session",
            "tls",
        ],
    ),
    (
        "admin",
        &[
            "clock",
            "config",
            "core",
            "descriptors",
            "events",
            "http",
            "listen",
            "metrics",
            "serving",
            "session",
            "sockets",
            "views",
        ],
    ),
    // The process and its commands.
    (
        "server",
        &[
            "access",
            "access_log",
            "activity",
            "admin",
            "clock",
            "config",
            "core",
            "descriptors",
            "drivers",
            "keeper",
            "listen",
            "metrics",
            "notify",
            "packs",
            "privileges",
            "proxy",
            "pump",
            "reaper",
            "serving",
            "shadow",
            "sockets",
            "tls",
        ],
    ),
    ("observe", &["admin", "clock", "config", "core", "doctor", "listen", "sockets", "views"]),
    ("admin_client", &["error", "views"]),
    ("explain", &["admin_client", "core", "views"]),
    (
        "demo",
        &[
            "clock", "config", "core", "listen", "packs", "server", "serving", "session",
            "signals", "views",
        ],
    ),
    (
        "cli",
        &[
            "admin",
            "admin_client",
            "config",
            "core",
            "demo",
            "doctor",
            "drivers",
            "explain",
            "listen",
            "logging",
            "observe",
            "packs",
            "replay",
            "server",
            "service_manager",
            "signals",
            "tls",
            "toml_file",
            "views",
        ],
    ),
    ("main", &["cli"]),
];

type Arrows = BTreeMap<String, BTreeSet<String>>;

/// The Rust files below a folder, tests aside.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            files(&path, found);
        } else if name.ends_with(".rs") && !name.ends_with("tests.rs") {
            found.push(path);
        }
    }
}

/// The names that follow `crate::` in the code; comments, texts and the tests at its end aside.
fn used(text: &str) -> BTreeSet<String> {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let lines = code.lines().map(|line| line.split("//").next().unwrap_or_default());
    // Of what stands in quotes nothing is meant.
    let code: String = lines
        .map(|line| line.split('"').step_by(2).collect::<String>())
        .collect::<Vec<_>>()
        .join("\n");
    let mut names = BTreeSet::new();
    for start in ["crate::", "ebbtide::"] {
        for rest in code.split(start).skip(1) {
            let word = |text: &str| {
                let end = |letter: char| !letter.is_alphanumeric() && letter != '_';
                text.trim_start().split(end).next().unwrap_or_default().to_owned()
            };
            match rest.strip_prefix('{') {
                // `use crate::{one, two::three}`: a name stands at the start and behind each comma
                // that is in no inner braces.
                Some(list) => {
                    let mut depth = 0;
                    let mut names_here = vec![word(list)];
                    for (at, letter) in list.char_indices() {
                        match letter {
                            '{' => depth += 1,
                            '}' if depth == 0 => break,
                            '}' => depth -= 1,
                            ',' if depth == 0 => names_here.push(word(&list[at + 1..])),
                            _ => {}
                        }
                    }
                    names.extend(names_here);
                }
                None => {
                    let name = word(rest);
                    // `ebbtide::reaper=debug` is a filter of the log, in a text.
                    if !rest[name.len()..].starts_with('=') {
                        names.insert(name);
                    }
                }
            }
        }
    }
    names
}

/// The arrows as the code has them.
fn arrows() -> Arrows {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all = Vec::new();
    files(&src, &mut all);
    let folder = |path: &Path| {
        let first = path.strip_prefix(&src).unwrap().components().next().unwrap();
        first.as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned()
    };
    let folders: BTreeSet<_> = all.iter().map(|path| folder(path)).collect();
    let mut arrows = Arrows::new();
    for path in all.iter().filter(|path| folder(path) != "lib") {
        let from = folder(path);
        let to = used(&fs::read_to_string(path).unwrap()).into_iter();
        let to = to.filter(|name| folders.contains(name) && *name != from);
        arrows.entry(from.clone()).or_default().extend(to);
    }
    arrows
}

#[test]
fn each_arrow_was_decided_on() {
    let arrows = arrows();
    for (from, to) in &arrows {
        println!("{from} -> {}", to.iter().cloned().collect::<Vec<_>>().join(" "));
    }
    let allowed: Arrows = ALLOWED
        .iter()
        .map(|(from, to)| ((*from).to_owned(), to.iter().map(|to| (*to).to_owned()).collect()))
        .collect();
    assert_eq!(arrows, allowed, "the list in this file must say what the code does");
}

#[test]
fn there_is_no_circle() {
    for (place, (from, to)) in ALLOWED.iter().enumerate() {
        for to in *to {
            let below = ALLOWED[..place].iter().any(|(known, _)| known == to);
            assert!(below, "{from} uses {to}, which does not stand before it in the list");
        }
    }
}

/// CONTRIBUTING.md names files by their place in `src`, or in the crate.
#[test]
fn the_files_that_people_are_sent_to_are_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("../CONTRIBUTING.md")).unwrap();
    let named = text.split('`').skip(1).step_by(2).filter(|name| name.ends_with(".rs"));
    let named: Vec<&str> = named.collect();
    assert!(named.len() > 20, "only {named:?} are looked at");
    let is_there =
        |name: &&&str| ["src", ".", ".."].iter().any(|at| root.join(at).join(name).exists());
    let missing: Vec<_> = named.iter().filter(|name| !is_there(name)).collect();
    assert!(missing.is_empty(), "there is no {missing:?}");
}

#[test]
fn an_arrow_is_seen() {
    let text = "use crate::core::time;\nuse crate::{clock, proxy::{timed, crate_like}, views};\n\
                // crate::comment\nfn f() { ebbtide::cli::main(\"ebbtide::text\") }\n#[cfg(test)]\nmod tests { use crate::x; }";
    let names: Vec<_> = used(text).into_iter().collect();
    assert_eq!(names, ["cli", "clock", "core", "proxy", "views"]);
}
