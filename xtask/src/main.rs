//! Ebbtide's build and test tasks: `cargo xtask --help`. One file per subcommand; what several of
//! them need has a module of its own.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line talks")]

mod bench;
mod build_ebpf;
mod clock;
mod e2e;
mod fuzz;
mod kernel_cost;
mod page;
mod source_hash;
mod test;
mod toolchain;
mod vm_test;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Ebbtide's build and test tasks")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Builds the kernel programs into the object that `cargo build` embeds
    BuildEbpf(build_ebpf::Args),
    /// Formatting, lints and every test that needs no second kernel
    Test(test::Args),
    /// The kernel's trials inside other kernels, under QEMU
    VmTest(vm_test::Args),
    /// Real apps behind the release build, in a real browser
    E2e(e2e::Args),
    /// Every fuzz target for a while, under rustup's nightly
    Fuzz(fuzz::Args),
    /// What watching sockets costs here, in the kernel and per look (as root)
    KernelCost(kernel_cost::Args),
    /// Ebbtide beside other proxies, over the same upstream on this machine
    Bench(bench::Args),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match workspace_root().and_then(|root| run(&root, cli.task)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(root: &Path, task: Task) -> Result<()> {
    match task {
        Task::BuildEbpf(args) => build_ebpf::run(root, &args),
        Task::Test(args) => test::run(root, &args),
        Task::VmTest(args) => vm_test::run(root, &args),
        Task::E2e(args) => e2e::run(root, &args),
        Task::Fuzz(args) => fuzz::run(root, &args),
        Task::KernelCost(args) => kernel_cost::run(root, &args),
        Task::Bench(args) => bench::run(root, &args),
    }
}

/// The folder of the workspace's `Cargo.toml`: the parent of this package's.
fn workspace_root() -> Result<PathBuf> {
    // Cargo sets the variable at run time too; the built-in value serves a binary that was started
    // directly.
    #[allow(clippy::disallowed_methods, reason = "a build task reads cargo's environment")]
    let package = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    package.parent().map(Path::to_path_buf).context("xtask has no parent folder")
}
