//! The access log, as the real binary writes it to standard output.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops and says why")]

mod harness;

use std::net::TcpListener;
use std::os::unix::fs::OpenOptionsExt;
use std::process::Command;

use harness::app::{App, HttpApp};
use harness::frame::Frame;
use harness::http::{Message, ok, request};
use harness::proxy::Proxy;
use harness::scratch::Scratch;
use harness::session::{Peer, consent, open, open_over, upgrade};
use harness::setup::Setup;
use harness::traffic::{self, EAGER};
use harness::wait::{eventually, started};
use serde_json::Value;

const JSON: &str = "[log]\naccess = \"json\"";
const TEXT: &str = "[log]\naccess = \"text\"";

/// Every line so far, each a JSON object.
fn entries(proxy: &Proxy) -> Vec<Value> {
    let lines = proxy.output();
    lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Waits for the line of which this is true.
fn await_entry(proxy: &Proxy, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
    eventually(what, || entries(proxy).into_iter().find(|entry| is_it(entry)))
}

fn await_path(proxy: &Proxy, path: &str) -> Value {
    await_entry(proxy, path, |entry| entry["kind"] == "request" && entry["path"] == path)
}

fn await_session(proxy: &Proxy) -> Value {
    await_entry(proxy, "a session", |entry| entry["kind"] == "session")
}

fn ask(proxy: &Proxy, method: &str, target: &str, fields: &str) -> Message {
    let mut wire = proxy.connect();
    wire.send(request(method, "demo.test", target, &format!("Connection: close\r\n{fields}")));
    Message::read_response(&mut wire, method)
}

/// `one` closes the session, and the other answers.
fn close(mut one: Peer, mut other: Peer) {
    one.send(&Frame::close(1000, ""));
    other.expect_close(1000);
    other.send(&Frame::close(1000, ""));
    one.expect_close(1000);
}

const ANSWER: &str = "[[app.answer]]\npath = \"^/healthz$\"\nbody = \"ok\"";

#[test]
fn a_request_is_a_json_object() {
    let app = HttpApp::start(|_| ok("twelve bytes"));
    let setup =
        Setup::new().app("demo", app.address(), &format!("hosts = [\"demo.test\"]\n{ANSWER}"));
    let proxy = setup.section(JSON).start();
    let fields = "User-Agent: agent \"1\"\r\nReferer: http://demo.test/from?a=b\r\n";
    assert_eq!(ask(&proxy, "GET", "/plain?x=1", fields).status(), 200);
    let entry = await_path(&proxy, "/plain");
    for (member, value) in [
        ("client", "127.0.0.1"),
        ("method", "GET"),
        ("protocol", "HTTP/1.1"),
        ("host", "demo.test"),
        ("user_agent", "agent \"1\""),
        ("referer", "http://demo.test/from"),
        ("app", "demo"),
        ("state", "running"),
    ] {
        assert_eq!(entry[member], value, "{entry}");
    }
    assert_eq!((&entry["status"], &entry["bytes"]), (&200.into(), &12.into()), "{entry}");
    assert_eq!(entry["complete"], true);
    assert!(entry["seconds"].as_f64().unwrap() > 0.0, "{entry}");
    assert!(entry["time"].as_str().unwrap().ends_with('Z'), "{entry}");
    for absent in ["reason", "wake_seconds", "session"] {
        assert_eq!(entry[absent], Value::Null, "{entry}");
    }

    assert_eq!(ask(&proxy, "GET", "/healthz", "").text(), "ok");
    let own = await_path(&proxy, "/healthz");
    assert_eq!((&own["reason"], &own["status"]), (&"answer".into(), &200.into()), "{own}");

    assert_eq!(proxy.get("other.test", "/missing").status(), 404);
    let missing = await_path(&proxy, "/missing");
    assert_eq!((&missing["reason"], &missing["status"]), (&"no-app".into(), &404.into()));
    assert_eq!((&missing["app"], &missing["host"]), (&Value::Null, &"other.test".into()));

    assert_eq!(ask(&proxy, "HEAD", "/head", "").status(), 200);
    let head = await_path(&proxy, "/head");
    assert_eq!((&head["bytes"], &head["complete"]), (&0.into(), &true.into()), "{head}");

    let mut wire = proxy.connect();
    wire.send("NOT HTTP\r\n\r\n");
    let refused = Message::read_response(&mut wire, "GET");
    let entry = await_entry(&proxy, "a refusal", |entry| entry["reason"] == "bad-request");
    assert_eq!((&entry["status"], &entry["client"]), (&400.into(), &"127.0.0.1".into()), "{entry}");
    assert_eq!(entry["bytes"], refused.body.len(), "{entry}");
    assert_eq!(entry["path"], Value::Null, "{entry}");
    assert_eq!(entries(&proxy).len(), 5, "each has one line: {:?}", proxy.output());
}

#[test]
fn a_request_is_a_line_of_the_combined_format() {
    let app = HttpApp::named("hello");
    let proxy = Setup::demo(app.address()).section(TEXT).start();
    ask(&proxy, "GET", "/page?x=1", "User-Agent: \"quoted\" \u{e9}\r\n");
    let line = eventually("a line", || proxy.output().pop());
    let (start, rest) = line.split_once(" [").unwrap();
    let (time, rest) = rest.split_once("] ").unwrap();
    assert_eq!(start, "127.0.0.1 - -");
    assert!(time.ends_with(" +0000") && time.len() == "31/Jan/2026:12:00:00 +0000".len(), "{time}");
    let (known, took) = rest.split_once(" time=").unwrap();
    assert_eq!(
        known,
        "\"GET /page HTTP/1.1\" 200 5 \"-\" \"\\x22quoted\\x22 \\xC3\\xA9\" host=\"demo.test\" \
         app=\"demo\" state=running reason=- wake=-"
    );
    assert!(took.ends_with(" end=complete"), "{took}");
}

#[test]
fn an_answer_that_breaks_off_is_cut_and_a_client_that_leaves_before_it_is_499() {
    let app = App::listen();
    let proxy = Setup::demo(app.address()).section(JSON).start();
    let mut client = proxy.connect();
    client.send(request("GET", "demo.test", "/broken", ""));
    let mut server = app.accept();
    Message::read_request(&mut server);
    server.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfour");
    client.through(b"four");
    drop(server);
    let entry = await_path(&proxy, "/broken");
    assert_eq!((&entry["bytes"], &entry["complete"]), (&4.into(), &false.into()), "{entry}");
    assert_eq!(entry["status"], 200);

    let mut client = proxy.connect();
    client.send(request("GET", "demo.test", "/left", ""));
    Message::read_request(&mut app.accept());
    client.reset();
    let entry = await_path(&proxy, "/left");
    assert_eq!((&entry["status"], &entry["complete"]), (&499.into(), &false.into()), "{entry}");
}

#[test]
fn a_session_has_a_line_when_it_ends() {
    let app = App::listen();
    let proxy = Setup::demo(app.address()).section(JSON).start();
    let (mut client, mut server) = open(&proxy, &app);
    let handshake = await_path(&proxy, "/stream");
    assert_eq!((&handshake["status"], &handshake["bytes"]), (&101.into(), &0.into()));
    for _ in 0..3 {
        client.send(&Frame::text("hello"));
        server.expect(&Frame::text("hello"));
    }
    server.send(&Frame::binary(vec![7; 1000]));
    client.expect(&Frame::binary(vec![7; 1000]));
    assert!(!entries(&proxy).iter().any(|entry| entry["kind"] == "session"));
    close(client, server);
    let entry = await_session(&proxy);
    assert_eq!(entry["cause"], "closed-by-client", "{entry}");
    // Both Close frames have a code of two bytes.
    assert_eq!(entry["input"], serde_json::json!({"frames": 4, "bytes": 17}), "{entry}");
    assert_eq!(entry["output"], serde_json::json!({"frames": 2, "bytes": 1002}), "{entry}");
    assert_eq!((&entry["app"], &entry["path"]), (&"demo".into(), &"/stream".into()));
    assert_eq!((&entry["client"], &entry["session"]), (&"127.0.0.1".into(), &1.into()), "{entry}");
}

#[test]
fn the_line_of_a_session_says_what_ended_it() {
    let app = App::listen();
    let setup = Setup::demo(app.address()).section("[stall]\ngrace = \"1s\"");
    let proxy = setup.key("drain = \"0s\"").section(TEXT).start();
    let ended = |number: usize, cause: &str| {
        let lines = eventually("a session's line", || {
            let mut lines = proxy.output();
            lines.retain(|line| line.contains("\"SESSION /stream -\" 101 "));
            (lines.len() == number).then_some(lines)
        });
        assert!(lines[number - 1].contains(&format!(" cause={cause} ")), "{lines:?}");
    };
    let (client, mut server) = open_over(proxy.connect_narrow(4096), &app, "", "");
    let stream = traffic::send(&server.wire, Frame::binary(vec![0x5A; 4096]).encode(), EAGER);
    assert_eq!(server.close_frame(), (1001, "client stalled".to_owned()));
    drop((stream, client));
    server.finish(1001);
    ended(1, "client-stalled");

    let (mut client, server) = open(&proxy, &app);
    server.wire.reset();
    client.expect_close(1014);
    client.finish(1014);
    ended(2, "app-reset");

    let (client, server) = open(&proxy, &app);
    close(server, client);
    ended(3, "closed-by-app");

    let (mut client, mut server) = open(&proxy, &app);
    proxy.terminate();
    client.expect_close(1012);
    server.expect_close(1012);
    client.finish(1012);
    server.finish(1012);
    ended(4, "shutdown");
}

/// Of an app that is asleep: whoever waits has a line that says how long, and polls have none.
#[test]
fn a_wake_is_told_and_a_poll_is_not() {
    let scratch = Scratch::new();
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sleep/app.py");
    let folder = scratch.path().display().to_string();
    let command = ["python3", program, "{port}", &folder, "0.5"];
    let setup = Setup::new().section(&format!(
        "[[app]]\nname = \"demo\"\npacks = [\"streamlit\"]\n[app.driver]\nkind = \"process\"\n\
         command = {command:?}"
    ));
    let proxy = setup.section(JSON).start();
    let poll = ask(&proxy, "GET", "/_stcore/health", "");
    assert_eq!(poll.assert_own(503), "app-suspended");
    let mut again = proxy.connect();
    let page = "Origin: http://demo.test\r\nSec-Fetch-Site: same-origin\r\n";
    again.send(upgrade("demo.test", "/_stcore/stream", page));
    assert_eq!(Message::read_response(&mut again, "GET").assert_own(503), "app-suspended");

    assert_eq!(ask(&proxy, "GET", "/wake", "").status(), 200);
    let entry = started("the wake's line", || {
        entries(&proxy).into_iter().find(|entry| entry["path"] == "/wake")
    });
    assert_eq!(entry["state"], "suspended", "{entry}");
    let waited = entry["wake_seconds"].as_f64().unwrap();
    assert!(waited > 0.0 && waited <= entry["seconds"].as_f64().unwrap(), "{entry}");
    assert_eq!(entries(&proxy).len(), 1, "the polls have no line: {:?}", proxy.output());
    assert_eq!(ask(&proxy, "GET", "/awake", "").status(), 200);
    assert_eq!(await_path(&proxy, "/awake")["wake_seconds"], Value::Null);
}

#[test]
fn no_secret_is_ever_in_it() {
    const SECRET: &str = "s3cret";
    let app = App::listen();
    for section in [TEXT, JSON] {
        let proxy = Setup::demo(app.address()).section(section).start();
        let fields = format!(
            "Cookie: session={SECRET}\r\nAuthorization: Bearer {SECRET}\r\n\
             Proxy-Authorization: Basic {SECRET}\r\nX-Api-Key: {SECRET}\r\n\
             Referer: http://ann:{SECRET}@demo.test/?token={SECRET}#{SECRET}\r\n"
        );
        let target = format!("/stream?token={SECRET}#{SECRET}");
        let mut client = proxy.connect();
        client.send(upgrade("demo.test", &target, &fields));
        let mut server = app.accept();
        let head = Message::read_request(&mut server).head;
        assert!(head.get("cookie").unwrap().contains(SECRET), "the app gets it");
        server.send(consent(&format!("Set-Cookie: a={SECRET}\r\n")));
        assert_eq!(Message::read_response(&mut client, "GET").status(), 101);
        drop((client, server));
        // In a URL whose host has a password, and in one that is none.
        for bad in [format!("ann:{SECRET}@demo.test"), format!("demo.test\r\nHost: {SECRET}@b")] {
            let mut client = proxy.connect();
            client.send(request("GET", &bad, &target, &fields));
            assert_eq!(Message::read_response(&mut client, "GET").status(), 400);
        }
        eventually("all have their lines", || (proxy.output().len() == 4).then_some(()));
        let output = proxy.output().join("\n");
        assert!(!output.contains(SECRET), "{output}");
        assert!(output.contains("demo.test/"), "the referrer is there: {output}");
    }
}

#[test]
fn a_line_cannot_be_forged() {
    let app = HttpApp::named("hello");
    let forged = "\" 200 0 \"-\" \\x0a\t\u{2028}\u{85}\u{202e}";
    for section in [TEXT, JSON] {
        let proxy = Setup::demo(app.address()).section(section).start();
        let mut client = proxy.connect();
        let fields = format!("User-Agent: {forged}\r\nReferer: {forged}\r\nConnection: close\r\n");
        client.send(request("GET", "demo.test", "/a\"b'c", &fields));
        assert_eq!(Message::read_response(&mut client, "GET").status(), 200);
        let line = eventually("a line", || proxy.output().pop());
        assert!(!line.contains(char::is_control) && !line.contains(forged), "{line}");
        assert_eq!(proxy.output().len(), 1, "{:?}", proxy.output());
        if section == JSON {
            let entry: Value = serde_json::from_str(&line).unwrap();
            assert_eq!(entry["user_agent"], forged, "it can be read again");
        }
    }
}

#[test]
fn a_reload_switches_it_on_and_off() {
    let app = HttpApp::named("hello");
    let setup = Setup::demo(app.address());
    let proxy = setup.start();
    let reloads = |count: usize| {
        eventually("a reload", || {
            (proxy.log().fields("configuration reloaded").len() == count).then_some(())
        });
    };
    assert_eq!(ask(&proxy, "GET", "/before", "").status(), 200);
    proxy.reconfigure(&setup.clone().section(JSON));
    reloads(1);
    assert_eq!(ask(&proxy, "GET", "/json", "").status(), 200);
    await_path(&proxy, "/json");
    proxy.reconfigure(&setup.clone().section(TEXT));
    reloads(2);
    assert_eq!(ask(&proxy, "GET", "/text", "").status(), 200);
    eventually("a line of text", || (proxy.output().len() == 2).then_some(()));
    proxy.reconfigure(&setup);
    reloads(3);
    assert_eq!(ask(&proxy, "GET", "/off", "").status(), 200);
    proxy.reconfigure(&setup.section(TEXT));
    reloads(4);
    assert_eq!(ask(&proxy, "GET", "/again", "").status(), 200);
    let lines = eventually("a third", || Some(proxy.output()).filter(|lines| lines.len() == 3));
    for (line, path) in lines.iter().zip(["/json", "/text", "/again"]) {
        assert!(line.contains(path), "{lines:?}");
    }
}

#[test]
fn the_last_lines_are_written_before_the_end() {
    let app = HttpApp::named("hello");
    let mut proxy = Setup::demo(app.address()).key("drain = \"0s\"").section(JSON).start();
    for number in 0..200 {
        assert_eq!(ask(&proxy, "GET", &format!("/{number}"), "").status(), 200);
    }
    proxy.terminate();
    assert_eq!(proxy.exit_code(), Some(0));
    eventually("all lines", || (proxy.output().len() == 200).then_some(()));
}

/// Nobody reads the log: requests are answered all the same, and what was lost is told once.
#[test]
fn a_log_that_nobody_reads_delays_nobody() {
    const REQUESTS: usize = 6000;
    let scratch = Scratch::new();
    let fifo = scratch.path().join("log");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let mut options = std::fs::OpenOptions::new();
    let reader = options.read(true).custom_flags(libc::O_NONBLOCK).open(&fifo).unwrap();
    let wrapper = format!("exec \"$@\" > {fifo:?}");
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let setup = Setup::new().app("demo", nobody.local_addr().unwrap(), ANSWER).section(TEXT);
    let mut proxy = setup.key("drain = \"0s\"").wrapper(&["sh", "-c", &wrapper, "sh"]).start();
    // A line is 1.8 KB with it.
    let long = "\u{e9}".repeat(100);
    let fields = format!("User-Agent: {long}\r\nReferer: {long}\r\n");
    let mut client = proxy.connect();
    for _ in 0..REQUESTS {
        client.send(request("GET", "demo.test", "/healthz", &fields));
        assert_eq!(Message::read_response(&mut client, "GET").status(), 200);
    }
    let dropped = "lines of the access log were dropped: standard output did not take them";
    let told = eventually("the loss is told", || {
        Some(proxy.log().fields(dropped)).filter(|told| !told.is_empty())
    });
    assert_eq!(told.len(), 1, "{told:?}");
    proxy.terminate();
    assert_eq!(proxy.exit_code(), Some(0), "nor is the end delayed");
    drop(reader);
}
