//! The workspace's test binaries, some of them side by side.
//!
//! `cargo test` runs one binary after the other. Most tests wait for something, so that a machine is idle
//! for the greater part of that time. What a binary prints is kept until it ends and printed in one piece.

use std::{
    collections::VecDeque,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::{Mutex, PoisonError, mpsc},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::clock;

/// One test binary.
#[derive(Debug)]
struct Binary {
    /// The package and the target, as in `proxy-user pump`.
    name: String,
    path: PathBuf,
    /// The package's folder, in which cargo runs its tests.
    folder: PathBuf,
}

/// How one came out.
struct Run {
    name: String,
    output: Result<Output>,
    took: Duration,
}

/// Builds all test binaries and runs `jobs` of them at a time, each with `filter` as its arguments.
///
/// # Errors
/// A binary that does not build, cannot be started or fails; all others have run then.
pub(super) fn run(root: &Path, jobs: usize, filter: &[String]) -> Result<()> {
    let binaries = build(root)?;
    let (count, begin) = (binaries.len(), clock::now());
    eprintln!("\n=== {count} test binaries, {jobs} at a time");
    let queue = Mutex::new(VecDeque::from(binaries));
    let (sender, ended) = mpsc::channel();
    let mut failed = Vec::new();
    thread::scope(|scope| {
        for _ in 0..jobs {
            let (sender, queue) = (sender.clone(), &queue);
            scope.spawn(move || {
                let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                while let Some(binary) = next() {
                    if sender.send(one(binary, filter)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        for (number, run) in ended.iter().enumerate() {
            eprintln!("\n=== {} ({}/{count}, {:.1?})", run.name, number + 1, run.took);
            match &run.output {
                Ok(output) => show(output),
                Err(error) => eprintln!("{error:#}"),
            }
            if !run.output.is_ok_and(|output| output.status.success()) {
                failed.push(run.name);
            }
        }
    });
    eprintln!("\n=== {count} test binaries in {:.0?}", begin.elapsed());
    ensure!(failed.is_empty(), "tests failed in {}", failed.join(", "));
    Ok(())
}

fn one(binary: Binary, filter: &[String]) -> Run {
    let begin = clock::now();
    let output = Command::new(&binary.path)
        .args(filter)
        .current_dir(&binary.folder)
        .env("CARGO_MANIFEST_DIR", &binary.folder)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {}", binary.path.display()));
    Run { name: binary.name, output, took: begin.elapsed() }
}

/// Both streams; what was printed between them is not in order.
fn show(output: &Output) {
    // Nobody is left to be told when this cannot be printed.
    let _ = std::io::stderr().write_all(&output.stderr);
    let _ = std::io::stdout().write_all(&output.stdout);
    if !output.status.success() {
        eprintln!("{}", output.status);
    }
}

/// Builds them; cargo's own progress goes to the terminal.
fn build(root: &Path) -> Result<Vec<Binary>> {
    let arguments =
        ["test", "--locked", "--workspace", "--no-run", "--message-format=json-render-diagnostics"];
    eprintln!("\n=== cargo {}", arguments.join(" "));
    let mut cargo = Command::new("cargo")
        .args(arguments)
        .current_dir(root)
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start cargo")?;
    let Some(messages) = cargo.stdout.take() else { bail!("cargo has no output") };
    let mut binaries = Vec::new();
    for line in BufReader::new(messages).lines() {
        binaries.extend(binary(&line.context("cannot read what cargo says")?));
    }
    let status = cargo.wait().context("cannot wait for cargo")?;
    ensure!(status.success(), "the tests do not build: {status}");
    ensure!(!binaries.is_empty(), "cargo named no test binary");
    Ok(binaries)
}

/// The test binary that a line of cargo's tells of, if it does.
fn binary(line: &str) -> Option<Binary> {
    let message: Value = serde_json::from_str(line).ok()?;
    if message["reason"] != "compiler-artifact" || message["profile"]["test"] != true {
        return None;
    }
    let folder = Path::new(message["manifest_path"].as_str()?).parent()?.to_owned();
    let package = folder.file_name()?.to_str()?;
    let kind = message["target"]["kind"][0].as_str()?;
    let target = message["target"]["name"].as_str()?;
    let name = match kind {
        "test" => format!("{package} {target}"),
        _ => format!("{package} {kind} {target}"),
    };
    Some(Binary { name, path: message["executable"].as_str()?.into(), folder })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_binaries_are_told_from_the_rest() {
        let line = |test: &str| {
            format!(
                r#"{{"reason":"compiler-artifact","manifest_path":"/w/proxy-user/Cargo.toml",
                "target":{{"kind":["test"],"name":"pump"}},"profile":{{"test":{test}}},
                "executable":"/w/target/debug/deps/pump-1"}}"#
            )
        };
        let found = binary(&line("true")).unwrap();
        assert_eq!(found.name, "proxy-user pump");
        assert_eq!(found.path, Path::new("/w/target/debug/deps/pump-1"));
        assert_eq!(found.folder, Path::new("/w/proxy-user"));
        assert!(binary(&line("false")).is_none());
        assert!(binary(r#"{"reason":"build-finished","success":true}"#).is_none());
        assert!(binary("no JSON").is_none());
    }
}
