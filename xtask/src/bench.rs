//! `cargo xtask bench`: Ebbtide beside other proxies on this machine, as one set of tables.
//!
//! The measuring itself is the example `bench` of `proxy-user`, which prints Markdown; here it is built
//! and run, and its tables are put into `docs/performance.md` on request. No time fails a run.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};

use crate::{page, test::step};

const PAGE: &str = "docs/performance.md";
/// The work is done this often, and then twice as often.
const COUNT: u64 = 100_000;

/// Flags of `cargo xtask bench`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A small plan that only proves that everything runs, on a build for tests
    #[arg(long)]
    quick: bool,
    /// Loads whose name contains this; several = any of them
    #[arg(long)]
    only: Vec<String>,
    /// Proxies whose name contains this; several = any of them
    #[arg(long)]
    proxy: Vec<String>,
    /// Compare two builds of Ebbtide with each other, and with no other proxy; takes about a minute
    #[arg(long, num_args = 2, value_names = ["OLD", "NEW"])]
    #[arg(conflicts_with_all = ["proxy", "instructions", "write"])]
    ab: Option<Vec<PathBuf>>,
    /// Rounds of each load and proxy [default: 5; with --ab 15]
    #[arg(long)]
    rounds: Option<u32>,
    /// Seconds of each round [default: 0.5; with --ab 0.12]
    #[arg(long)]
    seconds: Option<f64>,
    /// Workers of each proxy
    #[arg(long, default_value_t = 1)]
    workers: u32,
    /// Count the instructions of parser, matcher, gate and verdict under callgrind instead
    #[arg(long)]
    instructions: bool,
    /// Put the tables into docs/performance.md
    #[arg(long)]
    write: bool,
}

/// Builds, measures, prints; writes if asked.
///
/// # Errors
/// A build or a measurement that fails, a load that a proxy did not carry with `--quick`, a page without
/// the markers.
pub(crate) fn run(root: &Path, args: &Args) -> Result<()> {
    let mut build = vec!["build", "--locked", "--package", "proxy-user", "--example", "bench"];
    build.extend(args.ab.is_none().then_some(["--bin", "ebbtide"]).into_iter().flatten());
    // Whoever measures nothing need not wait for the optimiser.
    build.extend((!args.quick).then_some("--release"));
    step(root, "cargo", &build)?;
    let built = target(root)?.join(if args.quick { "debug" } else { "release" });
    let bench = built.join("examples/bench");
    let (part, tables) = if args.instructions {
        ("instructions", instructions(&bench)?)
    } else {
        ("bench", measure(&built, &bench, args)?)
    };
    println!("\n{tables}");
    if args.quick || args.ab.is_some() {
        let failed = tables.lines().find(|line| line.contains("failed"));
        ensure!(failed.is_none(), "a load was not carried: {}", failed.unwrap_or_default());
    }
    if args.write {
        page::put(root, PAGE, part, &tables)?;
    }
    Ok(())
}

fn measure(built: &Path, bench: &Path, args: &Args) -> Result<String> {
    let mut command = Command::new(bench);
    match &args.ab {
        Some(builds) => command.arg("compare").args(builds),
        None => command.arg("measure").arg("--ebbtide").arg(built.join("ebbtide")),
    };
    let (rounds, seconds) = match () {
        () if args.quick => (1, 0.1),
        () if args.ab.is_some() => (15, 0.12),
        () => (5, 0.5),
    };
    let (rounds, seconds) = (args.rounds.unwrap_or(rounds), args.seconds.unwrap_or(seconds));
    command.args(["--rounds", &rounds.to_string(), "--seconds", &seconds.to_string()]);
    command.args(["--workers", &args.workers.to_string()]);
    command.args(args.only.iter().flat_map(|only| ["--only", only]));
    command.args(args.proxy.iter().flat_map(|proxy| ["--proxy", proxy]));
    if args.quick {
        command.arg("--quick");
    }
    let output = command.stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "the measurement failed: {}", output.status);
    Ok(String::from_utf8(output.stdout)?)
}

/// The folder that cargo builds into.
fn target(root: &Path) -> Result<PathBuf> {
    let arguments = ["metadata", "--format-version", "1", "--no-deps", "--offline"];
    let output = Command::new("cargo").args(arguments).current_dir(root).output()?;
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let folder = metadata["target_directory"].as_str();
    folder.map(PathBuf::from).context("cargo does not say where it builds")
}

/// A table of instructions per item: the same on every machine with this compiler.
fn instructions(bench: &Path) -> Result<String> {
    let cases = Command::new(bench).arg("instructions").output()?;
    let mut text = "| what | instructions |\n| --- | ---: |\n".to_owned();
    for case in String::from_utf8(cases.stdout)?.lines() {
        let more =
            callgrind(bench, case, 2 * COUNT)?.saturating_sub(callgrind(bench, case, COUNT)?);
        text += &format!("| {case} | {:.1} |\n", more as f64 / COUNT as f64);
    }
    Ok(text)
}

/// Instructions of one run.
fn callgrind(bench: &Path, case: &str, count: u64) -> Result<u64> {
    let file = std::env::temp_dir().join(format!("ebbtide-callgrind-{}", std::process::id()));
    let mut command = Command::new("valgrind");
    command
        .args(["--quiet", "--tool=callgrind"])
        .arg(format!("--callgrind-out-file={}", file.display()));
    let status = command.arg(bench).args(["instructions", case, &count.to_string()]).status();
    let status = status.context("cannot start valgrind: install it (apt-get install valgrind)")?;
    ensure!(status.success(), "callgrind failed on {case:?}: {status}");
    let text = fs::read_to_string(&file)?;
    fs::remove_file(&file)?;
    let line = text.lines().find_map(|line| line.strip_prefix("summary:"));
    let number = line.and_then(|line| line.trim().parse().ok());
    number.context("callgrind wrote no summary")
}
