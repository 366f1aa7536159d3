//! `cargo xtask e2e`: real apps behind the built binary, in a real browser.
//!
//! The Python side under `xtask/e2e` makes its own virtual environments below `target/` and
//! installs what it needs (Debian's Chromium too, as root).

use std::path::Path;

use anyhow::Result;

use crate::test::step;

/// Flags of `cargo xtask e2e`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How many minutes each page is left alone
    #[arg(long, default_value_t = 3, conflicts_with = "suspend")]
    minutes: u32,
    /// Apps that Ebbtide starts and stops itself
    #[arg(long)]
    suspend: bool,
    /// With `--suspend`: how many seconds each page is left alone once its app is gone
    #[arg(long, default_value_t = 180, requires = "suspend")]
    quiet_for: u32,
    /// Trials, such as `nicegui-strip`; all if none is named
    apps: Vec<String>,
}

/// Builds the binary and hands it to the proof.
///
/// # Errors
/// The build or the proof fails.
pub(crate) fn run(root: &Path, args: &Args) -> Result<()> {
    let mut build = vec!["build", "--locked", "--package", "proxy-user"];
    let (minutes, quiet_for) = (args.minutes.to_string(), args.quiet_for.to_string());
    let mut proof = vec!["xtask/e2e/run.py", "--ebbtide"];
    if args.suspend {
        proof.extend(["target/debug/ebbtide", "--suspend", "--quiet-for", &quiet_for]);
    } else {
        build.push("--release");
        proof.extend(["target/release/ebbtide", "--minutes", &minutes]);
    }
    step(root, "cargo", &build)?;
    proof.extend(args.apps.iter().map(String::as_str));
    step(root, "python3", &proof)
}
