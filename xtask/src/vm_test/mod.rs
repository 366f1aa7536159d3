//! `cargo xtask vm-test`: the kernel's trials inside other kernels than this machine's.
//!
//! Debian's kernels are booted under QEMU without KVM, each from an initial file system that holds
//! the trials and nothing of this machine's but a few tools. It changes nothing outside `target/vm`
//! (unless `--install` is given), and every wait has an end.

mod console;
mod guest;
mod initramfs;
mod kernels;
mod machine;
mod mirror;
mod modules;
mod report;
mod table;
mod tools;

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use self::{guest::Guest, mirror::Mirror, report::Report};
use crate::clock::now;

/// What is booted when no kernel is named: Debian's last four stable lines reach from the first to
/// the third, and the fourth is what they will get.
const KERNELS: [&str; 4] = ["5.10", "6.1", "6.12", kernels::NEWEST];

/// Flags of `cargo xtask vm-test`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Kernels to boot: the beginning of a version, or `newest` [default: 5.10 6.1 6.12 newest]
    #[arg(long, value_name = "VERSION", num_args = 1..)]
    kernel: Vec<String>,
    /// Install QEMU and the guest's tools first (as root on Debian)
    #[arg(long)]
    install: bool,
    /// Ask the mirror again which kernels there are
    #[arg(long)]
    refresh: bool,
    /// Debian mirror [default: the one in this machine's apt sources]
    #[arg(long, value_name = "URI")]
    mirror: Option<String>,
    /// Keep each guest's file system and print how to boot it by hand
    #[arg(long)]
    keep: bool,
    /// Only trials whose names contain this
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// Seconds that one guest may run
    #[arg(long, default_value_t = 360)]
    seconds: u64,
}

/// Boots each kernel, runs the trials in it and prints what came of it.
///
/// # Errors
/// A tool is missing, the guest's programs cannot be built, a kernel could not be had or did not
/// come to the end, or a trial failed in one.
pub(crate) fn run(root: &Path, args: &Args) -> Result<()> {
    let work = root.join("target/vm");
    let tools = tools::find(args.install)?;
    let guest = Guest::build(root, &work, &tools)?;
    let mirror = Mirror::new(&work, args.mirror.as_deref(), args.refresh);
    let wishes: Vec<&str> = if args.kernel.is_empty() {
        KERNELS.to_vec()
    } else {
        args.kernel.iter().map(String::as_str).collect()
    };

    let start = now();
    let reports: Vec<Report> = wishes
        .iter()
        .map(|wish| {
            progress(wish, "looking for the kernel");
            one(&work, &mirror, &guest, wish, args).unwrap_or_else(|error| {
                progress(wish, &format!("{error:#}"));
                Report::unavailable(wish, &error)
            })
        })
        .collect();

    println!("\n{}", table::render(&reports));
    println!("{} kernels in {:.0} s", reports.len(), start.elapsed().as_secs_f64());
    let bad: Vec<&str> = reports.iter().filter(|report| !report.good()).map(Report::wish).collect();
    ensure!(bad.is_empty(), "not everything is well on {}", bad.join(", "));
    Ok(())
}

/// One kernel, from the mirror to its report.
fn one(work: &Path, mirror: &Mirror, guest: &Guest, wish: &str, args: &Args) -> Result<Report> {
    let kernel = kernels::get(work, mirror, wish)?;
    let folder = work.join("runs").join(wish);
    let initrd = guest.file_system(&folder, &kernel, args.only.as_deref())?;
    progress(wish, &format!("booting {}", kernel.release));
    let start = now();
    let machine = machine::Machine { image: &kernel.image, initrd: &initrd, seconds: args.seconds };
    let boot = |log: &str| machine.run(&folder.join(log), |line| progress(wish, line));
    let mut console = boot("console.log")?;
    let panic = report::panic(&console);
    if let Some(panic) = &panic {
        // An emulated processor has moments of its own. A panic that comes from us comes again.
        progress(wish, &format!("booting it once more: {panic}"));
        std::fs::rename(folder.join("console.log"), folder.join("console-panic.log"))?;
        console = boot("console.log")?;
    }
    let mut report = Report::read(wish, &kernel.release, &console, start.elapsed());
    report.first_panic = panic;
    if args.keep {
        progress(wish, &format!("to boot it again: {}", machine.command_line()));
    } else {
        std::fs::remove_file(&initrd)?;
    }
    Ok(report)
}

/// A line for the person who waits.
fn progress(kernel: &str, line: &str) {
    eprintln!("{kernel:>7}  {line}");
}

/// A file's place for a message: below the workspace it is shown from there.
fn shown(path: &Path) -> String {
    let base: PathBuf = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(&base).unwrap_or(path).display().to_string()
}
