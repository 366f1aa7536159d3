//! `ebbtide demo`, the real binary: it ends by itself, its page is there, and its summary says of
//! each client what the proxy made of it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

/// The line of `summary` about `name` and the one below it with its verdict.
fn about<'a>(summary: &'a str, name: &str) -> (&'a str, &'a str) {
    let mut lines = summary.lines().skip_while(|line| !line.trim_start().starts_with(name));
    (lines.next().expect(name), lines.next().unwrap_or_default().trim())
}

/// An answer that is still coming.
struct Answer(TcpStream);

fn get(url: &str, path: &str) -> Answer {
    let host = url.strip_prefix("http://").unwrap().trim_end().strip_suffix('/').unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    Answer(stream)
}

impl Answer {
    /// All of it; the other side ends it.
    fn read_all(mut self) -> String {
        let mut answer = String::new();
        self.0.read_to_string(&mut answer).unwrap();
        answer
    }
}

#[test]
fn the_frozen_client_is_reaped_and_the_slow_one_is_not() {
    let mut demo = Command::new(env!("CARGO_BIN_EXE_ebbtide"))
        .args(["demo", "--duration", "15s", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"])
        .args(["--sockets", "tcp-info"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(demo.stdout.take().unwrap());
    let mut first = String::new();
    output.read_line(&mut first).unwrap();
    let url = first.split(' ').find(|word| word.starts_with("http://")).expect(&first);
    let page = get(url, "/").read_all();
    assert!(page.starts_with("HTTP/1.1 200 ") && page.contains("new WebSocket"), "{page}");
    // What the page says of itself comes all the while, and is nobody's doing.
    let status = get(url, "/status");

    let mut rest = String::new();
    output.read_to_string(&mut rest).unwrap();
    assert_eq!(demo.wait().unwrap().code(), Some(0), "{rest}");
    assert!(rest.contains("Sockets are watched by tcp-info: polling was asked for."), "{rest}");
    assert!(!rest.contains('\x1b'), "no escapes where there is no terminal: {rest}");
    let (_, summary) = rest.split_once("What happened in").expect(&rest);
    let verdict = about(summary, "frozen").1;
    assert!(verdict.starts_with("reaped: stalled — "), "{rest}");
    assert!(about(summary, "slow").1.starts_with("not reaped; "), "{rest}");
    assert!(about(summary, "active").0.contains(" input, "), "{rest}");
    let (activity, verdict) = about(summary, "idle");
    assert!(activity.contains("activity: 1 upgrade; "), "{rest}");
    assert_eq!(verdict, "not reaped; not activity: only control frames", "{rest}");
    assert!(about(summary, "you").0.contains("activity: 1 request; "), "{rest}");
    let status = status.read_all();
    let lines: Vec<_> = status.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
    assert!(lines.len() > 5, "{status}");
    let last: serde_json::Value = serde_json::from_str(lines.last().unwrap()).unwrap();
    assert_eq!((&last["app"]["app"], &last["output"]), (&"you".into(), &0.into()), "{last}");
    assert_eq!(last["app"]["last_activity"]["path"], "/", "{last}");
    let rules = last["app"]["ignored"].as_array().unwrap();
    assert!(rules.iter().any(|rule| rule["rule"] == "demo/status-line"), "{last}");
}
