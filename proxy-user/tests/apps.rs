//! Apps that Ebbtide starts and stops, as whoever runs it sees them. The app is a second Ebbtide, so that
//! no other program is needed; it serves what an upstream of the test serves.

#![allow(clippy::unwrap_used, reason = "a test may stop where it stands")]

mod harness;

use harness::app::HttpApp;
use harness::command::{Outcome, ebbtide, finish};
use harness::proxy::Proxy;
use harness::setup::Setup;
use harness::wait::eventually;
use serde_json::Value;

/// The command of an app that serves `app`.
fn serving(app: &HttpApp) -> Vec<String> {
    let program = ebbtide().get_program().to_str().unwrap().to_owned();
    let upstream = format!("http://{}", app.address());
    let words = [
        &program,
        "run",
        "--sockets",
        "tcp-info",
        "--listen",
        "127.0.0.1:{port}",
        "--admin",
        "127.0.0.1:0",
        "--upstream",
        &upstream,
    ];
    words.map(str::to_owned).to_vec()
}

/// `ebbtide run [FLAGS] -- COMMAND`.
fn run(flags: &[&str], command: &[String]) -> Proxy {
    let mut run = ebbtide();
    run.args(["run", "--log-format", "json", "--sockets", "tcp-info"]);
    run.args(["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]).args(flags).arg("--");
    Proxy::spawn(run.args(command), None)
}

/// One `[[app]]`, `demo`, with this command and further lines of its driver.
fn demo(command: &[String], lines: &str) -> Proxy {
    let driver = format!("[app.driver]\nkind = \"process\"\ncommand = {command:?}\n{lines}");
    Setup::new().section(&format!("[[app]]\nname = \"demo\"\n{driver}")).start()
}

fn app(proxy: &Proxy, name: &str) -> Value {
    let answer = proxy.admin(&format!("/api/apps/{name}"), "");
    assert_eq!(answer.status(), 200, "{answer:?}");
    serde_json::from_slice(&answer.body).unwrap()
}

fn await_state(proxy: &Proxy, name: &str, state: &str) -> Value {
    eventually(&format!("{name} is {state}"), || {
        Some(app(proxy, name)).filter(|app| app["state"] == state)
    })
}

#[test]
fn one_command_is_started_for_whoever_comes_and_stopped_when_idle() {
    let served = HttpApp::named("served");
    let proxy = run(&["--idle-after", "1s"], &serving(&served));
    let said = eventually("what to open", || {
        proxy.log().text().lines().find(|line| line.contains("to start the app")).map(str::to_owned)
    });
    let page = format!("open http://{}/ to start", proxy.address());
    let next = format!("`ebbtide explain ebbtide --admin {}`", proxy.admin_address());
    for wanted in [&page[..], &next, "after 1s", "--listen 127.0.0.1:{port}"] {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
    assert_eq!(app(&proxy, "ebbtide")["state"], "suspended", "nobody has come");
    for _ in 0..2 {
        assert_eq!(proxy.get("any.test", "/").text(), "served");
        await_state(&proxy, "ebbtide", "suspended");
    }
}

#[test]
fn one_command_has_an_idle_time_by_itself() {
    let proxy = run(&[], &["true".to_owned()]);
    assert_eq!(app(&proxy, "true")["idle_after_seconds"], 900.0);
}

#[test]
fn an_idle_time_needs_a_command() {
    for (words, fix) in [
        (["--upstream", "http://127.0.0.1:1"], "give its command after --"),
        (["--config", "no-such.toml"], "write idle_after into the file"),
    ] {
        let outcome = finish(ebbtide().args(["run", "--idle-after", "1m"]).args(words));
        assert_eq!(outcome.code, Some(2), "{outcome:?}");
        assert!(outcome.stderr.contains(fix), "{outcome:?}");
    }
    for wrong in ["0s", "15", "9000h"] {
        let outcome = finish(ebbtide().args(["run", "--idle-after", wrong, "--", "true"]));
        assert_eq!(outcome.code, Some(2), "{outcome:?}");
        assert!(outcome.stderr.contains("--idle-after"), "{outcome:?}");
    }
}

#[test]
fn a_command_in_quotes_is_told_to_lose_them() {
    let outcome = finish(ebbtide().args(["run", "--", "streamlit run app.py"]));
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    assert!(outcome.stderr.contains("leave out the quotes"), "{outcome:?}");
}

/// The commonest mistake: the program listens on a port of its own choice.
#[test]
fn an_app_that_listens_elsewhere_is_asked_for_its_port() {
    let command = ["sleep", "600"].map(str::to_owned);
    let proxy = demo(&command, "ready_timeout = \"1s\"");
    assert_eq!(proxy.get("any.test", "/").status(), 503);
    let reason = eventually("why it could not start", || {
        let said = proxy.log().fields("could not start");
        said.first().map(|fields| fields["reason"].as_str().unwrap_or_default().to_owned())
    });
    let asked = "within 1s; does sleep listen on {port} or $PORT?";
    assert!(reason.contains("accepted no connection on 127.0.0.1:"), "{reason}");
    assert!(reason.ends_with(asked), "{reason}");
}

/// `ebbtide WORDS --admin …`
fn ask(proxy: &Proxy, words: &[&str]) -> Outcome {
    finish(ebbtide().args(words).arg("--admin").arg(proxy.admin_address().to_string()))
}

#[test]
fn an_operator_wakes_and_suspends_and_waits_until_it_is_done() {
    let served = HttpApp::named("served");
    let proxy = demo(&serving(&served), "");
    let asleep = ask(&proxy, &["explain", "demo"]).stdout;
    assert!(asleep.starts_with("demo is suspended"), "{asleep}");
    assert!(asleep.contains("the next person who opens it starts it"), "{asleep}");
    let woken = ask(&proxy, &["apps", "wake", "demo"]);
    assert_eq!((woken.code, &woken.stdout[..]), (Some(0), "demo is running.\n"), "{woken:?}");
    assert_eq!(app(&proxy, "demo")["driver"], "process");
    assert_eq!(proxy.log().fields("requested by an operator").len(), 1);
    let table = ask(&proxy, &["apps"]);
    let line = table.stdout.lines().find(|line| line.starts_with("demo ")).unwrap();
    assert!(line.contains("running") && line.ends_with("never"), "{table:?}");
    assert_eq!(ask(&proxy, &["apps", "list"]).stdout.lines().count(), 2);
    let running = ask(&proxy, &["explain", "demo"]).stdout;
    assert!(running.contains("Running since 2"), "{running}");
    let suspended = ask(&proxy, &["apps", "suspend", "demo", "--json"]);
    assert_eq!(suspended.code, Some(0), "{suspended:?}");
    let view: Value = serde_json::from_str(&suspended.stdout).unwrap();
    assert_eq!(view["state"], "suspended", "{view}");
    // Where there is nothing to do, that is done.
    assert_eq!(ask(&proxy, &["apps", "suspend", "demo"]).code, Some(0));
    let array: Value = serde_json::from_str(&ask(&proxy, &["apps", "--json"]).stdout).unwrap();
    assert_eq!(array[0]["app"], "demo", "{array}");
}

#[test]
fn a_wake_that_fails_says_why() {
    let proxy = demo(&["no-such-program".to_owned()], "");
    let outcome = ask(&proxy, &["apps", "wake", "demo"]);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.stderr.starts_with("error: demo could not start: "), "{outcome:?}");
    assert!(outcome.stderr.contains("no-such-program"), "{outcome:?}");
    let failed = ask(&proxy, &["explain", "demo"]).stdout;
    assert!(failed.contains("no-such-program"), "{failed}");
    let view = await_state(&proxy, "demo", "failed");
    assert!(view["failure"].as_str().unwrap().contains("no-such-program"), "{view}");
    assert!(view["next_try"].is_string() && view["since"].is_string(), "{view}");
    assert!(ask(&proxy, &["apps"]).stdout.contains("demo failed: "));
}

#[test]
fn what_cannot_be_done_is_refused_with_the_reason() {
    let served = HttpApp::named("served");
    let always = format!(
        "[[app]]\nname = \"always\"\nupstream = \"http://{}\"\n\
         [[app]]\nname = \"kept\"\nhosts = [\"kept.test\"]\n\
         keep_awake = [\"Mon-Sun 00:00-24:00 UTC\"]\n\
         driver = {{ kind = \"process\", command = {:?} }}",
        served.address(),
        serving(&served),
    );
    let proxy = Setup::new().section(&always).start();
    for (words, code, why) in [
        (["wake", "always"], 409, "has no driver"),
        (["suspend", "always"], 409, "has no driver"),
        (["suspend", "kept"], 409, "keep_awake"),
        (["wake", "alway"], 404, "did you mean \"always\"?"),
    ] {
        let [action, name] = words;
        let answer = proxy.ask_admin("POST", &format!("/api/apps/{name}/{action}"), "");
        assert_eq!(answer.status(), code, "{answer:?}");
        let outcome = ask(&proxy, &["apps", action, name]);
        assert_eq!(outcome.code, Some(1), "{outcome:?}");
        assert!(outcome.stderr.contains(why), "{outcome:?}");
    }
    // A page of another site is no operator, and a GET has no effect.
    let foreign = "Sec-Fetch-Site: cross-site\r\n";
    assert_eq!(proxy.ask_admin("POST", "/api/apps/kept/wake", foreign).status(), 403);
    assert_eq!(proxy.admin("/api/apps/kept/wake", "").status(), 405);
}
