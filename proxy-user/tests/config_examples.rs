//! The configuration, from whole files: each example in `tests/config/valid` is read, each in
//! `tests/config/invalid` gives exactly the messages in the `.txt` beside it.
//!
//! `UPDATE_EXPECTED=1 cargo test --test config_examples` writes those files anew; read the diff.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail")]

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ebbtide::config::{
    AccessLog, App, Compression, Config, Count, Driver, HostPattern, NotifyEvent, Parsed, Report,
    SocketSource,
};
use proptest::prelude::*;

fn examples(kind: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config").join(kind);
    let files = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        files.filter(|file| file.extension() == Some("toml".as_ref())).collect();
    files.sort();
    assert!(!files.is_empty(), "no example in {}", folder.display());
    files
}

fn valid(name: &str) -> Parsed {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config/valid").join(name);
    Config::load(&file).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

fn parse(text: &str) -> Result<Parsed, String> {
    Config::parse(text, Path::new("t.toml")).map_err(|mistakes| mistakes.to_string())
}

/// A file that is right except for these lines at its top.
fn with_top(lines: &str) -> String {
    format!("{lines}\n[[app]]\nname = \"demo\"\nupstream = \"http://127.0.0.1:8501\"\n")
}

#[test]
fn valid_examples_are_read() {
    for file in examples("valid") {
        if let Err(mistakes) = Config::load(&file) {
            panic!("{mistakes}");
        }
    }
}

#[test]
fn invalid_examples_give_their_messages() {
    let update = std::env::var_os("UPDATE_EXPECTED").is_some();
    for file in examples("invalid") {
        let mistakes = Config::load(&file).expect_err(&file.display().to_string());
        let folder = format!("{}/", file.parent().unwrap().display());
        let found = format!("{mistakes}\n").replace(&folder, "");
        let golden = file.with_extension("txt");
        if update {
            std::fs::write(&golden, &found).unwrap();
        }
        let expected = std::fs::read_to_string(&golden).unwrap_or_default();
        assert_eq!(found, expected, "{}", file.display());
    }
}

#[test]
fn three_mistakes_are_three_lines() {
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config/invalid/three_mistakes.toml");
    let mistakes = Config::load(&file).unwrap_err();
    let lines: Vec<_> = mistakes.iter().map(|mistake| mistake.line).collect();
    assert_eq!(lines, [Some(4), Some(8), Some(9)]);
    assert_eq!(mistakes.to_string().lines().count(), 3);
}

#[test]
fn the_contracts_sample_is_what_it_says() {
    let Parsed { config, warnings } = valid("contract.toml");
    assert_eq!(config.listen, [SocketAddr::from(([0, 0, 0, 0], 8080))]);
    assert!(config.admin_token_file.as_ref().unwrap().ends_with("valid/secrets/admin"));
    assert_eq!(config.admin_hosts[0].to_string(), "ebbtide.internal");
    assert_eq!(config.trusted_proxies[0].to_string(), "10.0.0.0/8");
    assert_eq!(config.report.as_ref().unwrap().url_for("x"), "http://control.internal/apps/x");
    let app = &config.apps[0];
    assert_eq!(app.hosts, [HostPattern::Exact("demo.localhost".to_owned())]);
    assert_eq!(app.packs, ["streamlit"]);
    assert_eq!(app.idle_after, Some(Duration::from_secs(900)));
    assert_eq!(app.access.forward_auth.as_deref(), Some("http://auth.internal/verify"));
    assert_eq!(app.access.forward_auth_headers, ["x-user", "x-email"]);
    assert_eq!(app.access.users_file.as_ref().unwrap().users.len(), 2);
    assert_eq!(app.access.allow.as_ref().unwrap()[0].to_string(), "10.0.0.0/8");
    // The sample shows the defaults: what is left after these fields are taken back are they.
    let mut report = Report::new("http://control.internal/apps/{app}".to_owned());
    let read = config.report.as_ref().unwrap();
    report.token_file.clone_from(&read.token_file);
    report.token_header.clone_from(&read.token_header);
    report.body.clone_from(&read.body);
    let mut plain = App::new("demo".to_owned(), "http://127.0.0.1:8501".parse().ok());
    plain.hosts = app.hosts.clone();
    plain.packs = app.packs.clone();
    plain.idle_after = app.idle_after;
    plain.busy_probe.clone_from(&app.busy_probe);
    plain.keep_awake.clone_from(&app.keep_awake);
    plain.waiting_page.clone_from(&app.waiting_page);
    plain.answers.clone_from(&app.answers);
    plain.access.clone_from(&app.access);
    plain.driver.clone_from(&app.driver);
    plain.upstream.clone_from(&app.upstream);
    let defaults = Config {
        listen: config.listen.clone(),
        admin_token_file: config.admin_token_file.clone(),
        admin_hosts: config.admin_hosts.clone(),
        trusted_proxies: config.trusted_proxies.clone(),
        report: Some(report),
        notify: config.notify.clone(),
        apps: vec![plain],
        ..Config::default()
    };
    assert_eq!(config, defaults);
    assert!(warnings.is_empty(), "{warnings:#?}");
}

/// The examples of the documentation are files that Ebbtide takes, or parts of one.
#[test]
fn what_the_documentation_shows_is_read() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    // Beside the files that the examples name.
    let file = root.join("tests/config/valid/example.toml");
    let mut read = 0;
    for page in ["access", "configuration", "drivers", "notify", "report", "tls"] {
        let text = std::fs::read_to_string(root.join(format!("../docs/{page}.md"))).unwrap();
        for block in text.split("```toml\n").skip(1) {
            let block = block.split("```").next().unwrap();
            let app = "[[app]]\nname = \"demo\"\nupstream = \"http://127.0.0.1:8501\"\n";
            let whole =
                if block.contains("[[app]]") { block.to_owned() } else { format!("{block}{app}") };
            if let Err(mistakes) = Config::parse(&whole, &file) {
                panic!("docs/{page}.md:\n{mistakes}\n{whole}");
            }
            read += 1;
        }
    }
    assert!(read >= 7, "only {read} examples were read");
}

/// Numbers here come from the contract, not from the code.
#[test]
fn defaults_are_the_contracts() {
    let Parsed { config, warnings } = valid("smallest.toml");
    let seconds = Duration::from_secs;
    assert_eq!(config.listen, ["127.0.0.1:8080".parse().unwrap()]);
    assert_eq!(config.admin, "127.0.0.1:9090".parse().unwrap());
    assert_eq!((config.workers, config.drain), (0, seconds(30)));
    assert_eq!((config.sockets.source, config.sockets.max_legs), (SocketSource::Auto, 131_072));
    assert_eq!((&config.sockets.cgroup, config.stall.grace), (&None, seconds(30)));
    assert_eq!(config.keepalive.interval, Some(seconds(25)));
    assert_eq!(config.keepalive.timeout, Some(seconds(20)));
    assert_eq!((config.limits.header_bytes, config.limits.sessions), (65_536, 100_000));
    assert_eq!(config.limits.headers, 256);
    assert_eq!((config.limits.header_timeout, config.limits.frame_bytes), (seconds(10), None));
    assert_eq!(config.report, None);
    let app = &config.apps[0];
    assert!(config.access.is_open() && app.access.is_open());
    assert_eq!((app.path.as_str(), app.count), ("/", Count::Pack));
    assert_eq!((app.idle_after, app.wake_timeout), (None, seconds(60)));
    assert_eq!((app.handshake_timeout, app.busy_limit), (seconds(60), Some(seconds(86_400))));
    assert_eq!(
        (app.busy_cpu, config.limits.held, config.limits.held_per_app()),
        (Some(20), 10_000, 1000)
    );
    assert!(app.driver.is_none() && app.busy_probe.is_none() && app.waiting_page.is_none());
    assert!(app.keep_awake.is_empty() && app.answers.is_empty() && config.notify.is_empty());
    assert_eq!((app.max_sessions, app.compression), (0, Compression::Inspect));
    assert_eq!((app.on_idle.to_string(), app.wake.to_string()), ("suspend".into(), "auto".into()));
    assert!(warnings.is_empty(), "{warnings:?}");
}

#[test]
fn every_other_value_arrives() {
    let Parsed { config, warnings } = valid("every_other_value.toml");
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0].to_string().contains("`verify` in [app.upstream_tls] is off"),
        "{warnings:?}"
    );
    assert_eq!(config.listen, ["127.0.0.1:0".parse().unwrap(), "[::1]:8080".parse().unwrap()]);
    assert_eq!(config.admin, "0.0.0.0:9091".parse().unwrap());
    let admin_hosts: Vec<_> = config.admin_hosts.iter().map(ToString::to_string).collect();
    assert_eq!(admin_hosts, ["ebbtide.internal", "*.ops.example.com"]);
    let trusted: Vec<_> = config.trusted_proxies.iter().map(ToString::to_string).collect();
    assert_eq!(trusted, ["192.168.1.1/32", "fd00::/8"]);
    assert_eq!((config.workers, config.drain), (3, Duration::ZERO));
    assert_eq!((config.sockets.source, config.sockets.max_legs), (SocketSource::TcpInfo, 1024));
    assert_eq!(config.sockets.cgroup, Some(PathBuf::from("/sys/fs/cgroup/ebbtide")));
    assert_eq!(config.stall.grace, Duration::from_millis(1500));
    assert_eq!((config.keepalive.interval, config.keepalive.timeout), (None, None));
    let report = config.report.as_ref().unwrap();
    assert_eq!((report.method.as_str(), report.interval), ("POST", Duration::from_secs(60)));
    assert_eq!(report.url_for("rest"), "https://control.internal/activity?app=rest");
    let limits = &config.limits;
    assert_eq!((limits.header_bytes, limits.headers, limits.sessions), (16_384, 300, 7));
    assert_eq!((limits.header_timeout.as_millis(), limits.frame_bytes), (500, Some(1 << 20)));
    assert_eq!(config.log.access, AccessLog::Json);
    let access = &config.access;
    assert_eq!(access.allow.as_ref().unwrap()[1].to_string(), "fd00::/8");
    assert_eq!(access.users_file.as_ref().unwrap().users.len(), 2);
    let url = "https://auth.internal:9091/api/authz/forward-auth";
    assert_eq!(access.forward_auth.as_deref(), Some(url));
    assert_eq!(access.forward_auth_headers, ["remote-user"]);
    assert!(config.apps[0].access == *access && config.apps[1].access.is_open());
    let [notebooks, rest, secure, unverified] = &config.apps[..] else {
        panic!("{:?}", config.apps)
    };
    let hosts: Vec<_> = notebooks.hosts.iter().map(ToString::to_string).collect();
    assert_eq!(hosts, ["notebooks.example.com", "*.apps.example.com"]);
    assert_eq!((notebooks.path.as_str(), notebooks.count), ("/lab", Count::Input));
    let upstream = notebooks.upstream.as_ref().unwrap();
    assert_eq!((upstream.host(), upstream.port()), ("::1", 80));
    assert_eq!(upstream.authority().as_str(), "[::1]:80");
    assert_eq!((notebooks.max_sessions, notebooks.compression), (1, Compression::Strip));
    assert_eq!((rest.count, rest.compression), (Count::Both, Compression::Pass));
    assert_eq!(rest.upstream.as_ref().unwrap().to_string(), "http://app_1.internal:8080");
    let upstream = secure.upstream.as_ref().unwrap();
    assert_eq!(
        (upstream.to_string(), upstream.port()),
        ("https://localhost:443/base".to_owned(), 443)
    );
    assert!(upstream.tls().unwrap().file().unwrap().ends_with("tls/one.pem"));
    let [(debug, None), (env, Some(prod))] = &secure.request_headers[..] else {
        panic!("{secure:?}")
    };
    assert_eq!((env.as_str(), prod.to_str().unwrap()), ("x-env", "prod"));
    assert_eq!((debug.as_str(), secure.response_headers[0].1.is_none()), ("x-debug", true));
    assert!(secure.strip_path && upstream.base() == "/base" && !rest.strip_path);
    let upstream = unverified.upstream.as_ref().unwrap();
    assert_eq!(upstream.to_string(), "https://[::1]:8443");
    assert_eq!(upstream.tls().unwrap().file(), None);
}

#[test]
fn drivers_arrive() {
    let Parsed { config, .. } = valid("drivers.toml");
    let seconds = Duration::from_secs;
    assert_eq!(config.notify[0].events.len(), NotifyEvent::WORDS.len());
    let [smallest, process, unit, control, own] = &config.apps[..] else { panic!("{config:?}") };
    assert_eq!(smallest.upstream, None);
    let Some(Driver::Process(driver)) = &smallest.driver else { panic!("{smallest:?}") };
    assert_eq!((&driver.command[..], &driver.dir), (&["./app".to_owned()][..], &None));
    assert_eq!((driver.ready_timeout, driver.stop_timeout), (seconds(60), seconds(10)));
    assert!(driver.env.is_empty() && driver.ready_path.is_none());
    assert_eq!((process.busy_limit, process.busy_cpu), (None, None));
    assert_eq!(process.handshake_timeout, seconds(5));
    assert!(process.upstream.is_some());
    let Some(Driver::Process(driver)) = &process.driver else { panic!("{process:?}") };
    assert!(driver.dir.as_ref().unwrap().ends_with("valid/app"));
    assert_eq!(driver.env.keys().collect::<Vec<_>>(), ["DEBUG", "EMPTY"]);
    assert_eq!(driver.ready_path.as_deref(), Some("/healthz?deep=1"));
    assert_eq!((driver.ready_timeout, driver.stop_timeout), (seconds(120), seconds(0)));
    let Some(Driver::Command(driver)) = &unit.driver else { panic!("{unit:?}") };
    assert_eq!(driver.state, ["/usr/local/bin/unit-state", "demo.service"]);
    assert_eq!((driver.ready_timeout, driver.stop_timeout), (seconds(3), seconds(30)));
    assert_eq!(unit.keep_awake.len(), 2);
    let Some(Driver::Http(driver)) = &control.driver else { panic!("{control:?}") };
    assert_eq!(driver.state.call.url, "https://control.internal/apps/{app}/");
    assert_eq!(driver.wake.url, "https://control.internal/apps/{app}/wake");
    assert_eq!((driver.suspend.method.as_str(), driver.stop_timeout), ("POST", seconds(60)));
    assert_eq!(
        (driver.state.pointer.as_str(), &driver.state.running[..]),
        ("/state", &["running".to_owned()][..])
    );
    let Some(Driver::Http(driver)) = &own.driver else { panic!("{own:?}") };
    assert_eq!(
        (driver.state.call.method.as_str(), driver.state.pointer.as_str()),
        ("GET", "/status/currentState")
    );
    assert_eq!(driver.state.suspended, ["Stopped", "Stopping"]);
    assert_eq!(
        (driver.wake.method.as_str(), driver.token_header.as_ref().unwrap().as_str()),
        ("PATCH", "x-api-key")
    );
    assert!(driver.suspend.body.as_ref().unwrap().contains("Stopped"));
    let [probe, status] = &own.answers[..] else { panic!("{own:?}") };
    assert!(probe.path.is_none() && probe.user_agent.as_ref().unwrap().fits(b"kube-probe/1.30"));
    assert_eq!(
        (probe.status.as_u16(), probe.content_type.as_bytes()),
        (204, &b"text/plain; charset=utf-8"[..])
    );
    assert_eq!((status.status.as_u16(), &*status.body), (503, &b"{}"[..]));
    assert_eq!(status.content_type, "application/json");
}

/// Keys that are right by themselves and have nothing to act on.
#[test]
fn what_needs_a_driver_warns_without_one() {
    let text =
        with_top("") + "idle_after = \"1m\"\nwake = \"hold\"\nkeep_awake = \"1:00-2:00 UTC\"\n";
    let warnings: Vec<_> = parse(&text).unwrap().warnings.iter().map(ToString::to_string).collect();
    let expected = [
        "t.toml:5: `idle_after` in [[app]] suspends nothing without [app.driver]: the app always runs, and \
         that it is idle is only shown",
        "t.toml:6: `wake` in [[app]] has no effect without [app.driver]: the app always runs",
        "t.toml:7: `keep_awake` in [[app]] has no effect without [app.driver]: the app always runs",
    ];
    assert_eq!(warnings, expected);
    let text = with_top("")
        + "busy_cpu = \"5%\"\n[app.driver]\nkind = \"http\"\nurl = \"http://c\"\ntoken_header = \"X\"\n";
    let warnings: Vec<_> = parse(&text).unwrap().warnings.iter().map(ToString::to_string).collect();
    let has = |says: &str| warnings.iter().any(|warning| warning.contains(says));
    assert!(has("only a driver of kind \"process\" owns a cgroup"), "{warnings:?}");
    assert!(
        has("`token_header` in [app.driver] carries nothing without `token_file`"),
        "{warnings:?}"
    );
}

#[test]
fn pending_values_warn_unless_they_ask_for_what_happens_anyway() {
    for (lines, warned) in
        [("keepalive = { interval = \"aws-alb\", timeout = \"20s\" }", 0), ("drain = \"5s\"", 0)]
    {
        assert_eq!(parse(&with_top(lines)).unwrap().warnings.len(), warned, "{lines}");
    }
    let shadow = with_top("") + "on_idle = \"shadow\"\n";
    let warning = "t.toml:5: `on_idle` in [[app]] has nothing to tell without `idle_after`";
    assert_eq!(parse(&shadow).unwrap().warnings[0].to_string(), warning);
    assert!(parse(&(shadow + "idle_after = \"15m\"\n")).unwrap().warnings.is_empty());
}

#[test]
fn a_report_s_query_is_not_shown_for_debugging() {
    let text = with_top("report = { url = \"http://c/{app}?token=s3cret\" }");
    let config = parse(&text).unwrap().config;
    assert!(config.report.as_ref().unwrap().url.contains("s3cret"));
    let shown = format!("{config:?}");
    assert!(shown.contains("http://c/{app}") && !shown.contains("s3cret"), "{shown}");
}

#[test]
fn one_app_without_a_file() {
    for (upstream, name) in [
        ("http://127.0.0.1:8501", "app"),
        ("http://localhost:8501", "app"),
        ("http://[::1]:8501", "app"),
        ("http://notebooks.internal:8888", "notebooks.internal"),
    ] {
        let config = Config::single(upstream).unwrap();
        let app = App::new(name.to_owned(), upstream.parse().ok());
        assert_eq!(config, Config { apps: vec![app], ..Config::default() });
    }
    let error = Config::single("localhost:8501").unwrap_err().to_string();
    assert!(error.contains("http://"), "{error}");
}

#[test]
fn an_overridden_admin_can_be_asked_about_again() {
    let mut config = Config::default();
    assert!(!config.admin_needs_token());
    config.admin = "[::ffff:127.0.0.1]:9090".parse().unwrap();
    assert!(!config.admin_needs_token());
    config.admin = "192.0.2.1:9090".parse().unwrap();
    assert!(config.admin_needs_token());
    config.admin_token_file = Some("token".into());
    assert!(!config.admin_needs_token());
}

#[test]
fn a_file_that_cannot_be_read_is_a_mistake_without_a_line() {
    let mistakes = Config::load(Path::new("no/such/file.toml")).unwrap_err().to_string();
    assert!(mistakes.starts_with("no/such/file.toml: cannot be read: "), "{mistakes}");
}

#[test]
fn files_from_other_systems_are_read() {
    let text = format!("\u{feff}{}", with_top("drain = \"5s\"")).replace('\n', "\r\n");
    assert_eq!(parse(&text).unwrap().config.drain, Duration::from_secs(5));
    let said = parse(&(text + "nam = 1\r\n")).unwrap_err();
    assert!(said.starts_with("t.toml:5: unknown key `nam`"), "{said}");
}

#[test]
fn a_file_that_is_not_text_is_a_mistake_with_its_line() {
    let file = std::env::temp_dir().join(format!("ebbtide-latin1-{}.toml", std::process::id()));
    std::fs::write(&file, b"drain = \"5s\"\n# caf\xe9\n").unwrap();
    let mistakes = Config::load(&file).unwrap_err();
    std::fs::remove_file(&file).unwrap();
    assert_eq!(mistakes.iter().next().unwrap().line, Some(2));
}

const KEYS: &[&str] = &[
    "listen",
    "admin",
    "drain",
    "name",
    "upstream",
    "hosts",
    "path",
    "grace",
    "tls",
    "é",
    "kind",
    "url",
    "state",
    "wake",
    "keep_awake",
    "busy_probe",
    "env",
];
const HEADS: &[&str] = &[
    "[[app]]",
    "[app]",
    "[stall]",
    "[limits]",
    "[app.driver]",
    "[tls]",
    "[[stall]]",
    "[[app.answer]]",
    "[app.driver.state]",
    "[[notify]]",
];

/// Text that looks enough like a configuration to get past the first check.
fn nearly() -> impl Strategy<Value = String> {
    let values = prop_oneof![
        Just("\"30s\"".to_owned()),
        Just("[\"a\", 1, {}]".to_owned()),
        Just("\"http://a:1\"".to_owned()),
        any::<i64>().prop_map(|number| number.to_string()),
        ".{0,12}".prop_map(|text| format!("{text:?}")),
        ".{0,12}",
    ];
    let line = prop_oneof![
        (prop::sample::select(KEYS), values).prop_map(|(key, value)| format!("{key} = {value}")),
        prop::sample::select(HEADS).prop_map(str::to_owned),
    ];
    prop::collection::vec(line, 0..12).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_panics(text in prop_oneof![any::<String>(), nearly()]) {
        if let Err(mistakes) = Config::parse(&text, Path::new("t.toml")) {
            let lines = text.split('\n').count();
            let shown = mistakes.to_string();
            prop_assert_eq!(shown.lines().count(), mistakes.iter().count());
            for mistake in mistakes.iter() {
                prop_assert!(mistake.line.is_some_and(|line| (1..=lines).contains(&line)));
            }
            prop_assert!(mistakes.iter().is_sorted_by_key(|mistake| mistake.line));
        }
    }

    #[test]
    fn a_mistake_is_found_on_its_line(blank in 0_usize..50) {
        let text = with_top(&format!("{}drian = \"5s\"", "\n".repeat(blank)));
        let said = parse(&text).unwrap_err();
        let line = blank + 1;
        prop_assert_eq!(said, format!("t.toml:{line}: unknown key `drian`; did you mean `drain`?"));
    }
}
