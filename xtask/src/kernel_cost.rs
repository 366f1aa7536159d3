//! `cargo xtask kernel-cost`: what watching sockets costs on this machine, as one set of tables.
//!
//! The measuring itself is the example `kernel_cost` of `proxy-user`, which prints Markdown; here it is
//! built, run as root, and put into `docs/kernel.md` on request.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Result, ensure};

use crate::{page, test::step};

/// Flags of `cargo xtask kernel-cost`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Put the tables into docs/kernel.md
    #[arg(long)]
    write: bool,
    /// Seconds per stream and condition
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    /// Rounds of each measurement that is made in turn
    #[arg(long, default_value_t = 21)]
    rounds: u32,
}

/// Builds, measures, prints; writes if asked.
///
/// # Errors
/// No root, a build or a measurement that fails, a page without the markers.
pub(crate) fn run(root: &Path, args: &Args) -> Result<()> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    ensure!(
        is_root(&status),
        "kernel-cost needs root (it loads the kernel program, counts its runs by BPF_ENABLE_STATS and \
         makes a cgroup of its own), Linux 5.8 and a cgroup2 mount: run \
         `sudo -E env \"PATH=$PATH\" cargo xtask kernel-cost`"
    );
    let package = ["--package", "proxy-user", "--example", "kernel_cost"];
    step(root, "cargo", &[&["build", "--locked", "--release"], &package[..]].concat())?;
    let (seconds, rounds) = (args.seconds.to_string(), args.rounds.to_string());
    let run = ["run", "--quiet", "--locked", "--release"];
    let words = [&run[..], &package[..], &["--", "measure", &seconds, &rounds]].concat();
    let mut command = Command::new("cargo");
    let output = command.args(&words).current_dir(root).stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "the measurement failed: {}", output.status);
    let tables = String::from_utf8(output.stdout)?;
    println!("\n{tables}");
    if args.write {
        page::put(root, "docs/kernel.md", "kernel-cost", &tables)?;
    }
    Ok(())
}

/// Whether the effective user in `/proc/self/status` is root.
fn is_root(status: &str) -> bool {
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    line.is_some_and(|ids| ids.split_whitespace().nth(1) == Some("0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_told_by_the_effective_user() {
        assert!(is_root("Name:\tx\nUid:\t1000\t0\t0\t0\n"));
        assert!(!is_root("Uid:\t0\t1000\t0\t0\n"));
    }
}
