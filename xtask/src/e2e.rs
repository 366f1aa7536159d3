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
    #[arg(long, default_value_t = 3)]
    minutes: u32,
    /// Trials, such as `nicegui-strip`; all if none is named
    apps: Vec<String>,
}

/// Builds the binary and hands it to the proof.
///
/// # Errors
/// The build or the proof fails.
pub(crate) fn run(root: &Path, args: &Args) -> Result<()> {
    step(root, "cargo", &["build", "--locked", "--release", "--package", "proxy-user"])?;
    let minutes = args.minutes.to_string();
    let binary = "target/release/ebbtide";
    let mut proof = vec!["xtask/e2e/run.py", "--ebbtide", binary, "--minutes", &minutes];
    proof.extend(args.apps.iter().map(String::as_str));
    step(root, "python3", &proof)
}
