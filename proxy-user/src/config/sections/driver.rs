//! `[app.driver]`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::de::DeValue;

use super::super::driver::{CommandDriver, Driver, ProcessDriver};
use super::super::value::place::path;
use super::super::value::web::TARGET;
use super::super::value::{DAY, SECOND};
use super::http_driver::http_driver;
use crate::toml_file::{Fixed, Kind, Table, ValueError, choose, duration, quote};

const KIND: Fixed<DriverKind> =
    Kind { wants: "a kind of driver", example: "\"process\"", parse: kind };

const WORD: Fixed<String> = Kind { wants: "a word", example: "\"running\"", parse: word };

const ARGUMENT: Fixed<String> = Kind {
    wants: "a program or argument",
    example: "[\"systemctl\", \"start\", \"demo\"]",
    parse: argument,
};

const VARIABLE: Fixed<String> =
    Kind { wants: "the value of a variable", example: "\"1\"", parse: variable };

#[derive(Clone, Copy)]
enum DriverKind {
    Process,
    Command,
    Http,
}

/// Reads the table; `None` after a mistake that leaves no driver.
pub(super) fn driver(table: &mut Table<'_>, base: &Path) -> Option<Driver> {
    match table.required("kind", KIND) {
        Some(DriverKind::Process) => process(table, base).map(Driver::Process),
        Some(DriverKind::Command) => command(table, base).map(Driver::Command),
        Some(DriverKind::Http) => {
            http_driver(table, base).map(|driver| Driver::Http(Box::new(driver)))
        }
        None => {
            // Which keys are known depends on the kind.
            table.know_all();
            None
        }
    }
}

/// Whether this app's driver knows where the app listens.
pub(super) fn knows_upstream(app: &Table<'_>) -> bool {
    let Some(DeValue::Table(driver)) = app.peek("driver").map(|value| value.get_ref()) else {
        return false;
    };
    // A wrong kind has its own message.
    let kind = driver.get("kind").and_then(|kind| kind.get_ref().as_str());
    !matches!(kind, Some("command" | "http"))
}

fn process(table: &mut Table<'_>, base: &Path) -> Option<ProcessDriver> {
    let command =
        program(table, "command", &["streamlit", "run", "app.py", "--server.port", "{port}"]);
    let Common { dir, env, .. } = common(table, base);
    let Readiness { path, timeout } = readiness(table);
    let stop_timeout = stop_timeout(table, Duration::ZERO, ProcessDriver::STOP_TIMEOUT);
    Some(ProcessDriver {
        command: command?,
        dir,
        env,
        ready_path: path,
        ready_timeout: timeout,
        stop_timeout,
    })
}

fn command(table: &mut Table<'_>, base: &Path) -> Option<CommandDriver> {
    let wake = program(table, "wake", &["systemctl", "start", "demo"]);
    let suspend = program(table, "suspend", &["systemctl", "stop", "demo"]);
    let state = program(table, "state", &["/usr/local/bin/demo-state"]);
    let Common { dir, env } = common(table, base);
    let Readiness { path, timeout } = readiness(table);
    let stop_timeout = stop_timeout(table, SECOND, ProcessDriver::STOP_TIMEOUT);
    Some(CommandDriver {
        wake: wake?,
        suspend: suspend?,
        state: state?,
        dir,
        env,
        ready_path: path,
        ready_timeout: timeout,
        stop_timeout,
    })
}

/// Where programs run, and with what.
struct Common {
    dir: Option<PathBuf>,
    env: BTreeMap<String, String>,
}

fn common(table: &mut Table<'_>, base: &Path) -> Common {
    let dir = table.text("dir", path(base));
    let env = table.entries("env", variable_name, VARIABLE).unwrap_or_default();
    Common { dir, env: env.into_iter().collect() }
}

/// When an app is ready.
pub(super) struct Readiness {
    pub(super) path: Option<String>,
    pub(super) timeout: Duration,
}

pub(super) fn readiness(table: &mut Table<'_>) -> Readiness {
    let path = table.text("ready_path", TARGET);
    let mut timeout = ProcessDriver::READY_TIMEOUT;
    table.set(&mut timeout, "ready_timeout", duration(SECOND..=DAY));
    Readiness { path, timeout }
}

/// Reads how long stopping may take.
pub(super) fn stop_timeout(table: &mut Table<'_>, least: Duration, default: Duration) -> Duration {
    let mut timeout = default;
    table.set(&mut timeout, "stop_timeout", duration(least..=DAY));
    timeout
}

/// A non-empty list of words, or the default; `None` after a mistake.
pub(super) fn words(
    table: &mut Table<'_>,
    key: &'static str,
    default: &[&str],
) -> Option<Vec<String>> {
    if !table.has(key) {
        table.know(key);
        return Some(default.iter().map(|word| (*word).to_owned()).collect());
    }
    let list = table.list(key, WORD)?;
    if list.is_empty() {
        let line = table.line_of(key);
        table.mistake(
            line,
            format!("`{key}` has no word; write one, such as {key} = [\"running\"]"),
        );
        return None;
    }
    Some(list)
}

/// A program with its arguments.
fn program(table: &mut Table<'_>, key: &'static str, example: &[&str]) -> Option<Vec<String>> {
    let form = format!("write {key} = {example:?}");
    if !table.has(key) {
        table.lacks(key, format!("[app.driver] has no `{key}`; {form}"));
    }
    let plain = table.peek(key).is_some_and(|value| value.get_ref().is_str());
    let words = table.list(key, ARGUMENT)?;
    let wrong = match words.first() {
        None => "names no program",
        Some(program) if program.is_empty() => "names no program",
        // It is not run by a shell.
        Some(line) if plain && line.contains(char::is_whitespace) => "is one text",
        Some(_) => return Some(words),
    };
    let line = table.line_of(key);
    table.mistake(
        line,
        format!("`{key}` in [app.driver] {wrong}, not a program and its arguments; {form}"),
    );
    None
}

fn kind(text: &str) -> Result<DriverKind, ValueError> {
    if matches!(text, "docker" | "kubernetes") {
        let why = format!("{} is not built in this version", quote(text));
        return Err(ValueError::new(why, "write \"process\", \"command\" or \"http\""));
    }
    let words = [
        ("process", DriverKind::Process),
        ("command", DriverKind::Command),
        ("http", DriverKind::Http),
    ];
    choose(text, &words)
}

fn word(text: &str) -> Result<String, ValueError> {
    if text.trim().is_empty() {
        return Err(ValueError::new("a word is empty", "write it"));
    }
    Ok(text.to_owned())
}

fn argument(text: &str) -> Result<String, ValueError> {
    if text.contains('\0') {
        return Err(ValueError::new("an argument has a zero byte in it", "leave it out"));
    }
    Ok(text.to_owned())
}

/// Never quoted: it may be a secret.
fn variable(text: &str) -> Result<String, ValueError> {
    if text.contains('\0') {
        return Err(ValueError::new("a value has a zero byte in it", "leave it out"));
    }
    Ok(text.to_owned())
}

fn variable_name(text: &str) -> Result<String, ValueError> {
    if text.is_empty() || text.contains(['=', '\0']) {
        let why = format!("{} cannot name a variable", quote(text));
        return Err(ValueError::new(why, "write letters, digits and \"_\", such as DEBUG"));
    }
    Ok(text.to_owned())
}
