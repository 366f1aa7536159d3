//! `cargo xtask fuzz`: every fuzz target for a while, with what came of it as one table.
//!
//! Needs rustup's nightly and cargo-fuzz. Inputs that are found go to `target/fuzz`; the corpora in the
//! repository stay as they are.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail, ensure};

use crate::{test::step, toolchain};

const FOLDER: &str = "proxy-user/fuzz";
const CARGO_FUZZ: &str = "0.13.2";
/// libFuzzer looks at its clock between two runs, so that one input may outlast the time.
const SLOWEST_INPUT: u32 = 25;

/// Flags of `cargo xtask fuzz`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Ten seconds for each target
    #[arg(long, conflicts_with = "seconds")]
    quick: bool,
    /// Seconds for each target
    #[arg(long, default_value_t = 300)]
    seconds: u32,
    /// Install cargo-fuzz first if it is missing
    #[arg(long)]
    install: bool,
    /// Targets; all if none is named
    targets: Vec<String>,
}

/// What libFuzzer says at the end of a target.
#[derive(Debug, Default, PartialEq, Eq)]
struct Outcome {
    executions: u64,
    /// The edges of the program that were reached.
    coverage: u64,
    /// What it found; `None` = nothing.
    failure: Option<String>,
}

/// Builds all targets, runs one after the other and prints the table.
///
/// # Errors
/// A missing tool, a target that does not build or that there is not, or an input that breaks one.
pub(crate) fn run(root: &Path, args: &Args) -> Result<()> {
    let all = targets(root)?;
    let unknown = args.targets.iter().find(|target| !all.contains(target));
    if let Some(unknown) = unknown {
        bail!("there is no fuzz target {unknown}; there are {}", all.join(", "));
    }
    ensure_tools(args.install)?;
    let folder = root.join("proxy-user");
    step(&folder, "cargo", &["+nightly", "fuzz", "build"])?;
    let seconds = if args.quick { 10 } else { args.seconds };
    let mut table = "| target | seconds | executions | edges | |\n\
                     | --- | ---: | ---: | ---: | --- |\n"
        .to_owned();
    let mut broken = Vec::new();
    for target in all.iter().filter(|all| args.targets.is_empty() || args.targets.contains(all)) {
        let outcome = fuzz(root, target, seconds)?;
        let Outcome { executions, coverage, failure } = outcome;
        let word = failure.as_deref().unwrap_or("nothing found");
        table += &format!("| {target} | {seconds} | {executions} | {coverage} | {word} |\n");
        broken.extend(failure.map(|_| target.as_str()));
    }
    println!("\n{table}");
    ensure!(broken.is_empty(), "an input was found that breaks {}", broken.join(", "));
    Ok(())
}

/// Checks that the lock file knows the crates that the library takes. That the targets build and hold
/// on their corpora is a test of `proxy-user`.
///
/// # Errors
/// A stale lock file.
pub(crate) fn check_lock(root: &Path) -> Result<()> {
    let manifest = format!("{FOLDER}/Cargo.toml");
    let mut command = Command::new("cargo");
    command.args(["metadata", "--locked", "--format-version", "1", "--manifest-path", &manifest]);
    toolchain::run(command.current_dir(root).stdout(Stdio::null())).context(
        "the fuzz targets' lock file is stale: `cp Cargo.lock proxy-user/fuzz`, and `cargo update \
         --workspace` there",
    )
}

/// The names of all targets.
fn targets(root: &Path) -> Result<Vec<String>> {
    let folder = root.join(FOLDER).join("fuzz_targets");
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "rs") {
            names.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
        }
    }
    names.sort();
    Ok(names)
}

fn ensure_tools(install: bool) -> Result<()> {
    let has = |arguments: &[&str]| {
        let mut command = Command::new("cargo");
        command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    ensure!(
        has(&["+nightly", "--version"]),
        "the sanitizers need a nightly compiler: rustup toolchain install nightly"
    );
    if has(&["fuzz", "--version"]) {
        return Ok(());
    }
    let arguments = ["install", "cargo-fuzz", "--version", CARGO_FUZZ, "--locked"];
    ensure!(install, "cargo-fuzz is missing: cargo {}, or add --install", arguments.join(" "));
    toolchain::run(Command::new("cargo").args(arguments))
}

/// Runs one target for `seconds`.
fn fuzz(root: &Path, target: &str, seconds: u32) -> Result<Outcome> {
    let found = root.join("target/fuzz").join(target);
    fs::create_dir_all(&found).with_context(|| found.display().to_string())?;
    let seeds = root.join(FOLDER).join("corpus").join(target);
    let mut command = Command::new("cargo");
    command.args(["+nightly", "fuzz", "run", target]).arg(&found).arg(&seeds);
    command.args(["--", "-print_final_stats=1"]);
    command.arg(format!("-max_total_time={seconds}")).arg(format!("-timeout={SLOWEST_INPUT}"));
    command.current_dir(root.join("proxy-user")).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().context("cannot start cargo fuzz")?;
    let lines = child.stderr.take().context("cargo fuzz has no error output")?;
    let mut outcome = Outcome::default();
    for line in BufReader::new(lines).lines() {
        let line = line.context("reading what libFuzzer says")?;
        outcome.read(&line);
        // libFuzzer says so at each power of two: progress enough.
        if line.contains("pulse") || line.contains("ERROR") {
            eprintln!("{target:>10}  {line}");
        }
    }
    let status = child.wait()?;
    if !status.success() {
        outcome.failure.get_or_insert_with(|| status.to_string());
    }
    Ok(outcome)
}

impl Outcome {
    /// Takes what a line of libFuzzer's says.
    fn read(&mut self, line: &str) {
        let number = |text: &str| text.split_whitespace().next()?.parse().ok();
        if let Some((_, rest)) = line.split_once("stat::number_of_executed_units:") {
            self.executions = number(rest).unwrap_or(self.executions);
        } else if let Some((_, rest)) = line.split_once("Test unit written to ") {
            self.failure = Some(rest.trim().to_owned());
        } else if line.starts_with('#')
            && let Some((_, rest)) = line.split_once(" cov: ")
        {
            self.coverage = number(rest).unwrap_or(self.coverage);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_libfuzzer_says_is_read() {
        let mut outcome = Outcome::default();
        let lines = "#2\tINITED cov: 31 ft: 32 corp: 1/1b exec/s: 0 rss: 29Mb\n\
                     #1048576\tpulse  cov: 1280 ft: 4711 corp: 99/12Kb lim: 4096 exec/s: 87381 rss: 99Mb\n\
                     stat::number_of_executed_units: 2400310\n";
        lines.lines().for_each(|line| outcome.read(line));
        assert_eq!(outcome, Outcome { executions: 2_400_310, coverage: 1280, failure: None });
        outcome.read("artifact_prefix='a/'; Test unit written to a/crash-1f");
        assert_eq!(outcome.failure.as_deref(), Some("a/crash-1f"));
    }

    #[test]
    fn every_target_is_in_the_manifest() {
        let root = crate::workspace_root().unwrap();
        let manifest = fs::read_to_string(root.join(FOLDER).join("Cargo.toml")).unwrap();
        let targets = targets(&root).unwrap();
        assert_eq!(manifest.matches("[[bin]]").count(), targets.len());
        for target in targets {
            assert!(manifest.contains(&format!("name = \"{target}\"")), "{target}");
        }
    }
}
