//! `cargo xtask test`: everything that needs no second kernel. Formatting, lints, then all tests.
//!
//! Tests that need root, or a kernel that lets them, are listed as ignored by name where they
//! cannot run; they are never counted as passed.

mod binaries;

use std::{num::NonZero, path::Path, process::Command, thread};

use anyhow::{Result, ensure};

use crate::fuzz;

/// Flags of `cargo xtask test`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Skip formatting and lints
    #[arg(long)]
    only_tests: bool,
    /// Test binaries that run at a time; as many as there are cores if it is not given
    #[arg(long)]
    jobs: Option<NonZero<usize>>,
    /// Only tests whose names contain this
    filter: Option<String>,
}

/// Runs the checks, each printed before it starts; stops at the first that fails.
///
/// # Errors
/// A check that fails or cannot be started.
pub(crate) fn run(root: &Path, args: &Args) -> Result<()> {
    if !args.only_tests {
        step(root, "cargo", &["fmt", "--all", "--check"])?;
        step(&root.join("proxy-ebpf"), "cargo", &["fmt", "--check"])?;
        let lints = ["clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"];
        step(root, "cargo", &lints)?;
        fuzz::check_lock(root)?;
        let judging = ["-m", "unittest", "discover", "-s", "xtask/e2e/tests"];
        step(root, "python3", &judging)?;
    }
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    binaries::run(root, args.jobs.map_or(cores, NonZero::get), args.filter.as_slice())?;
    let documented = ["test", "--locked", "--workspace", "--doc", "--quiet"];
    step(root, "cargo", &documented)
}

/// Runs one command to its end.
///
/// # Errors
/// It cannot be started or fails.
pub(crate) fn step(folder: &Path, program: &str, arguments: &[&str]) -> Result<()> {
    let line = format!("{program} {}", arguments.join(" "));
    eprintln!("\n=== {line}");
    let status = Command::new(program).args(arguments).current_dir(folder).status();
    let status = status.map_err(|error| anyhow::anyhow!("cannot start `{line}`: {error}"))?;
    ensure!(status.success(), "`{line}` failed: {status}");
    Ok(())
}
