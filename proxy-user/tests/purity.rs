//! Holds `src/core` to its promise: no socket, clock, task or metric.

#![allow(clippy::unwrap_used, reason = "a test may stop where it stands")]

use std::fs;
use std::path::Path;

/// Names that would let the outside in.
const FORBIDDEN: [&str; 16] = [
    "tokio",
    "hyper",
    "axum",
    "reqwest",
    "aya",
    "libc",
    "prometheus",
    "tracing",
    "Instant",
    "SystemTime",
    "clock",
    "sockets",
    "TcpStream",
    "thread",
    "thread_local",
    "config",
];

/// The forbidden names that stand in the code, comments aside.
fn offences(text: &str) -> Vec<&'static str> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let names: Vec<&str> =
        code.flat_map(|line| line.split(|c: char| !c.is_alphanumeric() && c != '_')).collect();
    FORBIDDEN.into_iter().filter(|forbidden| names.contains(forbidden)).collect()
}

fn check(folder: &Path, files: &mut usize) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            check(&path, files);
        } else {
            *files += 1;
            let found = offences(&fs::read_to_string(&path).unwrap());
            assert!(found.is_empty(), "{} names {found:?}", path.display());
        }
    }
}

#[test]
fn the_core_is_pure() {
    let mut files = 0;
    check(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/core"), &mut files);
    assert!(files > 10, "only {files} files were looked at");
}

#[test]
fn an_offence_is_seen() {
    assert_eq!(offences("use tokio::net::TcpStream;"), ["tokio", "TcpStream"]);
    assert_eq!(offences("let now = std::time::Instant::now();"), ["Instant"]);
    assert!(offences("// tokio is not used here\nlet tokio_like = 1;").is_empty());
}
