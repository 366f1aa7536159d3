//! The command line: exit codes, messages, and what a flag or variable changes.

mod harness;

use std::process::Stdio;

use harness::app::HttpApp;
use harness::command::{Outcome, ebbtide, finish};
use harness::proxy::Proxy;
use harness::scratch::Scratch;

const GOOD: &str = "listen = [\"127.0.0.1:0\"]\nadmin = \"127.0.0.1:0\"\n\n[[app]]\nname = \"demo\"\n\
                    upstream = \"http://127.0.0.1:8501\"\n";

fn run(words: &[&str]) -> Outcome {
    finish(ebbtide().args(words))
}

fn check(text: &str) -> Outcome {
    let scratch = Scratch::new();
    finish(ebbtide().args(["check", "--config"]).arg(scratch.file("ebbtide.toml", text)))
}

#[test]
fn a_valid_config_is_a_zero() {
    let outcome = check(GOOD);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
}

/// One line for each app, which says what starts it and no argument or query, as they may be secrets.
#[test]
fn check_says_what_starts_and_stops_each_app() {
    let outcome = check(
        "[[app]]\nname = \"a\"\nupstream = \"http://127.0.0.1:1\"\nidle_after = \"1m\"\n\
         [[app]]\nname = \"b\"\nhosts = \"b\"\nidle_after = \"90s\"\n\
         driver = { kind = \"process\", command = [\"app\", \"--key=s3cret\"] }\n\
         [[app]]\nname = \"c\"\nhosts = \"c\"\nupstream = \"http://127.0.0.1:2\"\n\
         driver = { kind = \"http\", url = \"http://control/{app}\", wake.url = \"http://c/on?k=s3cret\" }\n",
    );
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let lines: Vec<_> = outcome.stdout.lines().skip(1).collect();
    let expected = [
        "  a: always running, shown as idle after 1m",
        "  b: a process of \"app\", suspended after 90s",
        "  c: started and stopped by \"http://c/on?…\", never suspended",
    ];
    assert_eq!(lines, expected);
}

/// `ebbtide doctor | head -1`: a reader that has seen enough is no failure.
#[test]
fn a_result_that_nobody_reads_is_no_failure() {
    for words in
        [&["doctor"][..], &["doctor", "--json"], &["packs", "list"], &["packs", "show", "dash"]]
    {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = ebbtide().args(words).stdout(writer).stderr(Stdio::piped()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), &*said), (Some(0), ""), "{words:?}");
    }
}

/// Wherever a URL with a password or a token stands, and whatever else is wrong with it.
#[test]
fn secrets_are_not_told() {
    let urls = [
        "http://user:s3cret@h:80",
        "http://s3cret@h",
        "http://user:s3/cr#et?s3cret@h/x",
        "https://h?token=s3cret",
        "user:s3cret@h",
        "ftp://user:s3cret@h",
        "http://h/{name}?token=s3cret",
    ];
    for url in urls {
        let text = format!(
            "listen = {url:?}\nadmin = {url:?}\n[report]\nurl = {url:?}\nmethod = 1\n\
             [[app]]\nname = \"demo\"\nupstream = {url:?}\n\
             [[app]]\nname = \"other\"\nupstream = [{url:?}]\nhosts = 1\n"
        );
        let outcome = check(&text);
        assert_eq!(outcome.code, Some(2), "{outcome:?}");
        assert!(outcome.stderr.contains("`upstream`"), "{outcome:?}");
        assert!(!outcome.stderr.contains("s3cret"), "{url}: {}", outcome.stderr);
        let outcome = run(&["run", "--upstream", url]);
        assert_eq!(outcome.code, Some(2), "{outcome:?}");
        assert!(!outcome.stderr.contains("s3cret"), "{url}: {}", outcome.stderr);
    }
    let outcome = run(&["run", "--upstream", "h/x?token=s3cret"]);
    assert!(!outcome.stderr.contains("s3cret"), "{}", outcome.stderr);
    // The token itself in place of its file's name.
    let outcome = check(&format!("admin_token_file = \"s3cret\"\n{GOOD}"));
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    assert!(outcome.stderr.contains("admin_token_file"), "{outcome:?}");
    assert!(!outcome.stderr.contains("s3cret"), "{}", outcome.stderr);
    // A line without its quotes is no TOML.
    let outcome = check(&format!("{GOOD}[report]\nurl = http://user:s3cret@h/\n"));
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    assert!(!outcome.stderr.contains("s3cret"), "{}", outcome.stderr);
}

/// Every mistake at once, each with its key and its line.
#[test]
fn three_mistakes_are_three_messages_with_line_numbers() {
    let text = "listen = [\"127.0.0.1:0\"]\n\
                dran = \"30s\"\n\
                \n\
                [stall]\n\
                grace = \"soon\"\n\
                \n\
                [[app]]\n\
                name = \"demo\"\n\
                upstream = \"http://127.0.0.1:8501\"\n\
                max_sessions = \"many\"\n";
    let scratch = Scratch::new();
    let config = scratch.file("broken.toml", text);
    for command in ["check", "run"] {
        let outcome = finish(ebbtide().args([command, "--config"]).arg(&config));
        assert_eq!(outcome.code, Some(2), "{command}: {outcome:?}");
        assert_eq!(outcome.stdout, "", "messages go to standard error");
        for (key, line) in [("dran", 2), ("grace", 5), ("max_sessions", 10)] {
            let place = format!("broken.toml:{line}");
            let said = outcome.stderr.lines().any(|l| {
                let at = l.find(&place).map(|at| &l[at + place.len()..]);
                l.contains(key)
                    && at.is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
            });
            assert!(said, "{command}: no message names {key} and {place}:\n{}", outcome.stderr);
        }
        let messages = outcome.stderr.matches("broken.toml:").count();
        assert_eq!(messages, 3, "{command}:\n{}", outcome.stderr);
        assert!(outcome.stderr.contains("drain"), "the nearest key is suggested: {outcome:?}");
    }
}

#[test]
fn unknown_keys_are_mistakes_in_every_table() {
    for (table, key) in [
        ("sockets", "sorce"),
        ("stall", "grase"),
        ("limits", "frame_byte"),
        ("report", "urls"),
        ("keepalive", "intervall"),
    ] {
        let outcome = check(&format!("{GOOD}\n[{table}]\n{key} = \"1s\"\n"));
        assert_eq!(outcome.code, Some(2), "[{table}] {key}: {outcome:?}");
        assert!(outcome.stderr.contains(key), "[{table}] {key}: {outcome:?}");
    }
    let outcome = check(&format!("{GOOD}hosts_ = []\n"));
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
}

/// A token of nothing would let in whoever sends none.
#[test]
fn a_token_file_of_white_space_is_a_mistake() {
    let scratch = Scratch::new();
    let token = scratch.file("token", " \n\t\n").display().to_string();
    let report = "[report]\nurl = \"http://127.0.0.1:1/{app}\"\n";
    for text in [
        format!("admin_token_file = {token:?}\n{GOOD}"),
        format!("{GOOD}\n{report}token_file = {token:?}\n"),
    ] {
        let outcome = check(&text);
        assert_eq!(outcome.code, Some(2), "{text}\n{outcome:?}");
        assert!(outcome.stderr.contains("token_file"), "{outcome:?}");
    }
}

#[test]
fn what_is_no_toml_and_what_is_no_file_is_a_two() {
    let outcome = check("listen = [\n[[app]\n");
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    let outcome = run(&["check", "--config", "no/such/file.toml"]);
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    assert!(outcome.stderr.contains("no/such/file.toml"), "{outcome:?}");
}

#[test]
fn wrong_usage_is_a_two() {
    for words in [
        &["run", "--no-such-flag"][..],
        &["no-such-command"],
        &[],
        &["run"],
        &["check"],
        &["run", "--upstream", "not a url"],
        &["run", "--upstream", "http://127.0.0.1:1", "--sockets", "magic"],
        &["run", "--upstream", "http://127.0.0.1:1", "--listen", "nowhere"],
    ] {
        let outcome = run(words);
        assert_eq!(outcome.code, Some(2), "{words:?}: {outcome:?}");
        assert!(!outcome.stderr.is_empty(), "{words:?} says why");
        assert_eq!(outcome.stdout, "", "{words:?}");
    }
}

/// Whoever tries it first has no file.
#[test]
fn run_alone_says_all_of_its_ways() {
    let outcome = run(&["run"]);
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    for way in ["--config <FILE>", "--upstream <URL>", "-- COMMAND"] {
        assert!(outcome.stderr.contains(way), "{way}: {outcome:?}");
    }
    let outcome = run(&["run", "--config", "a.toml", "--upstream", "http://127.0.0.1:1"]);
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    assert!(outcome.stderr.contains("cannot be used with"), "{outcome:?}");
    let outcome = run(&["run", "--upstream", "http://127.0.0.1:1", "--", "true"]);
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    assert!(outcome.stderr.contains("cannot be used with"), "{outcome:?}");
}

#[test]
fn a_command_offers_no_flag_that_means_nothing_to_it() {
    let all = ["--listen", "--admin", "--sockets", "--pack", "--log", "--log-format"];
    for (command, meant) in [
        (&["run"][..], &all[..]),
        (&["demo"], &["--listen", "--admin", "--sockets", "--log", "--log-format"]),
        (&["observe"], &["--admin", "--sockets", "--log", "--log-format"]),
        (&["explain"], &["--admin"]),
        (&["apps"], &["--admin"]),
        (&["apps", "wake"], &["--admin"]),
        (&["packs", "test"], &["--pack"]),
        (&["packs", "list"], &[]),
        (&["doctor"], &[]),
        (&["check"], &[]),
    ] {
        let help = run(&[command, &["--help"]].concat()).stdout;
        let words: Vec<&str> = help.split_whitespace().collect();
        let offered: Vec<&str> = all.into_iter().filter(|flag| words.contains(flag)).collect();
        assert_eq!(offered, meant, "{command:?}: {help}");
        let speaks_of_file = help.contains("override the configuration file");
        assert_eq!(speaks_of_file, command == ["run"], "{command:?}: {help}");
        for other in ["demo", "observe", "packs"].iter().filter(|other| **other != command[0]) {
            assert!(!help.contains(&format!("{other}: ")), "{command:?}: {help}");
        }
    }
}

#[test]
fn a_unix_socket_is_said_to_be_not_built() {
    for upstream in ["unix:/run/app.sock", "unix:///run/app.sock"] {
        let outcome = run(&["run", "--upstream", upstream]);
        assert_eq!(outcome.code, Some(2), "{outcome:?}");
        assert!(outcome.stderr.contains("not built in this version"), "{outcome:?}");
    }
}

#[test]
fn help_and_version_are_results() {
    for words in [["--help"], ["--version"]] {
        let outcome = run(&words);
        assert_eq!(outcome.code, Some(0), "{words:?}: {outcome:?}");
        assert!(outcome.stdout.contains("ebbtide"), "{words:?}: {outcome:?}");
    }
}

#[test]
fn an_address_in_use_is_a_one() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let upstream = ["run", "--upstream", "http://127.0.0.1:1", "--admin", "127.0.0.1:0"];
    let outcome = run(&[&upstream[..], &["--listen", &address]].concat());
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.stderr.contains(&address), "{outcome:?}");
}

#[test]
fn one_app_needs_no_file() {
    let app = HttpApp::named("served");
    let mut command = ebbtide();
    command.args(["run", "--log-format", "json", "--upstream"]);
    command.arg(format!("http://{}", app.address()));
    command.args(["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--sockets", "tcp-info"]);
    let proxy = Proxy::spawn(&mut command, None);
    assert_eq!(proxy.get("any.test", "/deep/path?q").text(), "served");
    assert_eq!(app.last().head.target(), "/deep/path?q");
    // What it is called is nowhere else, and neither is what to do with that.
    let next = format!("ebbtide explain app --admin {}", proxy.admin_address());
    let said = proxy.log().text();
    let line = said.lines().find(|line| line.contains(&next)).expect(&said);
    let upstream = format!("http://{}", app.address());
    assert!(line.contains("\"app\":\"app\"") && line.contains(&upstream), "{line}");
    let words: Vec<&str> = next.split(' ').skip(1).collect();
    let explained = run(&words);
    assert!(explained.stdout.starts_with("app is running"), "{explained:?}");
    // But for the line that says how many seconds ago.
    let lasting = |text: &str| {
        text.lines().filter(|line| !line.contains("s ago")).collect::<Vec<_>>().join("\n")
    };
    let alone = run(&["explain", words[2], words[3]]).stdout;
    assert_eq!(lasting(&alone), lasting(&explained.stdout), "the only one");
    assert_eq!(proxy.source().0, "tcp-info");
}

#[test]
fn an_upstream_that_is_our_own_address_is_refused() {
    for (upstream, flags) in [
        ("http://localhost:8080", &[][..]),
        ("http://127.0.0.1:9090", &[]),
        ("http://127.0.0.1:7001", &["--listen", "0.0.0.0:7001"]),
        ("http://[::1]:7001", &["--admin", "[::1]:7001"]),
    ] {
        let outcome = run(&[&["run", "--upstream", upstream][..], flags].concat());
        assert_eq!(outcome.code, Some(2), "{upstream}: {outcome:?}");
        assert!(outcome.stderr.contains("leads to Ebbtide itself"), "{upstream}: {outcome:?}");
    }
}

#[test]
fn flags_may_come_from_the_environment() {
    let app = HttpApp::named("served");
    let mut command = ebbtide();
    command.args(["run", "--upstream"]).arg(format!("http://{}", app.address()));
    command.env("EBBTIDE_LISTEN", "127.0.0.1:0").env("EBBTIDE_ADMIN", "127.0.0.1:0");
    command.env("EBBTIDE_LOG_FORMAT", "json").env("EBBTIDE_SOCKETS", "tcp-info");
    let proxy = Proxy::spawn(&mut command, None);
    assert_eq!(proxy.get("any.test", "/").text(), "served");
    assert_ne!(proxy.address().port(), 8080);
    assert_eq!(proxy.source().0, "tcp-info");
}

/// An empty variable of some wrapper script is no wish; and a file is named on the command line only.
#[test]
fn a_config_variable_does_not_disturb_an_upstream() {
    let app = HttpApp::named("served");
    let mut command = ebbtide();
    command.args(["run", "--log-format", "json", "--upstream"]);
    command.arg(format!("http://{}", app.address())).env("EBBTIDE_CONFIG", "");
    command.args(["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--sockets", "tcp-info"]);
    let proxy = Proxy::spawn(&mut command, None);
    assert_eq!(proxy.get("any.test", "/").text(), "served");
}

#[test]
fn doctor_tells_people_and_programs() {
    let people = run(&["doctor"]);
    assert_eq!(people.code, Some(0), "{people:?}");
    assert!(people.stdout.lines().count() > 3, "{people:?}");
    let programs = run(&["doctor", "--json"]);
    assert_eq!(programs.code, Some(0), "{programs:?}");
    let told: serde_json::Value = serde_json::from_str(&programs.stdout).unwrap();
    assert!(told.as_object().is_some_and(|o| !o.is_empty()), "{told}");
    let last = people.stdout.lines().last().unwrap();
    assert!(
        last.starts_with("verdict") && last.contains(told["source"].as_str().unwrap()),
        "{last}"
    );
    assert!(!people.stdout.contains("Verifier output:\n"), "it says nothing: {people:?}");
    let needed = |line: &&str| line.contains("no: ") && line.starts_with("send_");
    let probe = people.stdout.lines().any(|line| line.starts_with("send_") && line.contains("yes"));
    let bare: Vec<&str> = people.stdout.lines().filter(needed).collect();
    assert!(!probe || bare.is_empty(), "one of them is enough: {bare:?}");
    for outcome in [&people.stdout, &programs.stdout] {
        let lower = outcome.to_lowercase();
        for word in ["kernel", "btf", "cgroup"] {
            assert!(lower.contains(word), "doctor says nothing of {word}: {outcome}");
        }
    }
}

#[test]
fn doctor_blames_the_folder_that_it_was_given() {
    for (folder, why) in [("/nope", "No such file"), ("/proc", "not a cgroup v2 directory")] {
        let outcome = run(&["doctor", "--cgroup", folder]);
        assert!(outcome.stdout.contains(&format!("{folder}: {why}")), "{outcome:?}");
        assert!(!outcome.stdout.contains("security module"), "{outcome:?}");
    }
}

#[test]
fn demo_ends_by_itself() {
    let free = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
    let outcome = run(&[&["demo", "--duration", "5s"][..], &free].concat());
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let all = outcome.stdout + &outcome.stderr;
    assert!(all.contains("ebpf") || all.contains("tcp-info"), "it names its source: {all}");
}
