//! Finds the three parts that an eBPF build needs and that must fit together: a compiler with nightly
//! features, the source of its own core library, and a linker whose LLVM reads its bitcode.
//!
//! It only looks; `install` is called by a task that was asked to.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};

/// The bpf-linker that the committed object is built with.
pub(crate) const BPF_LINKER: &str = "0.10.3";
/// Debian's compiler and library source; they install beside rustup's without conflict.
const DEBIAN_PACKAGES: [&str; 3] = ["rustc-web", "cargo-web", "rust-web-src"];

/// A compiler, and the cargo to drive it with.
#[derive(Debug)]
pub(crate) struct Compiler {
    /// What a person calls it.
    pub(crate) name: &'static str,
    pub(crate) cargo: PathBuf,
    pub(crate) rustc: PathBuf,
    pub(crate) sysroot: PathBuf,
    /// The first line of `rustc --version`.
    pub(crate) version: String,
    /// A stable compiler that takes nightly features only under `RUSTC_BOOTSTRAP=1`.
    pub(crate) bootstrap: bool,
    /// Major version of the LLVM whose bitcode it writes.
    llvm: String,
}

/// The linker with the folder that its LLVM lies in.
#[derive(Debug)]
pub(crate) struct Linker {
    pub(crate) path: PathBuf,
    pub(crate) version: String,
    /// For `LD_LIBRARY_PATH`: bpf-linker loads libLLVM at run time.
    pub(crate) llvm: PathBuf,
}

/// All usable compilers, the usual aya set-up first, and why each of the others is not.
pub(crate) fn compilers() -> (Vec<Compiler>, Vec<String>) {
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for candidate in [rustup_nightly(), debian()] {
        match candidate {
            Ok(compiler) => found.push(compiler),
            Err(reason) => missing.push(format!("{reason:#}")),
        }
    }
    (found, missing)
}

fn rustup_nightly() -> Result<Compiler> {
    let sysroot =
        output(Command::new("rustup").args(["run", "nightly", "rustc", "--print", "sysroot"]))
            .context("rustup nightly: not installed")?;
    let sysroot = PathBuf::from(sysroot);
    let bin = sysroot.join("bin");
    compiler("rustup nightly", bin.join("cargo"), bin.join("rustc"), sysroot, false)
}

fn debian() -> Result<Compiler> {
    let (cargo, rustc) = (PathBuf::from("/usr/bin/cargo"), PathBuf::from("/usr/bin/rustc"));
    ensure!(rustc.exists() && cargo.exists(), "Debian's rustc-web: not installed");
    let sysroot = PathBuf::from(output(Command::new(&rustc).args(["--print", "sysroot"]))?);
    compiler("Debian's rustc-web", cargo, rustc, sysroot, true)
}

fn compiler(
    name: &'static str,
    cargo: PathBuf,
    rustc: PathBuf,
    sysroot: PathBuf,
    bootstrap: bool,
) -> Result<Compiler> {
    let verbose = output(Command::new(&rustc).arg("-vV")).with_context(|| name.to_owned())?;
    let version = verbose.lines().next().unwrap_or_default().to_owned();
    let llvm = verbose
        .lines()
        .find_map(|line| line.strip_prefix("LLVM version: "))
        .and_then(|version| version.split('.').next())
        .unwrap_or_default()
        .to_owned();
    ensure!(
        sysroot.join("lib/rustlib/src/rust/library/core/Cargo.toml").exists(),
        "{name} ({version}): the source of its core library is not installed"
    );
    // aya-ebpf 0.2 asks for Rust 1.87; Debian 12's own rustc is 1.63.
    let minor = version.split('.').nth(1).and_then(|minor| minor.parse::<u32>().ok());
    ensure!(minor.is_some_and(|minor| minor >= 87), "{name} ({version}): older than 1.87");
    Ok(Compiler { name, cargo, rustc, sysroot, version, bootstrap, llvm })
}

/// The linker, and an LLVM for it that reads what `compiler` writes.
///
/// # Errors
/// No bpf-linker on the path or where cargo installs, no libLLVM of the compiler's version, or the
/// two do not work together.
pub(crate) fn linker(compiler: &Compiler) -> Result<Linker> {
    let path = linker_candidates()
        .into_iter()
        .find(|path| path.is_file())
        .context("bpf-linker: neither on PATH nor where cargo installs")?;
    let mut tried = Vec::new();
    for llvm in llvm_folders(compiler) {
        let version = output(Command::new(&path).arg("--version").env("LD_LIBRARY_PATH", &llvm));
        match version {
            Ok(version) => return Ok(Linker { path, version, llvm }),
            Err(error) => tried.push(format!("{}: {error:#}", llvm.display())),
        }
    }
    bail!("bpf-linker: no folder with a libLLVM {} that it can load {tried:?}", compiler.llvm)
}

fn linker_candidates() -> Vec<PathBuf> {
    #[allow(clippy::disallowed_methods, reason = "a build task looks for tools on PATH")]
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(cargo_home().map(|home| home.join("bin")))
        .map(|folder| folder.join("bpf-linker"))
        .collect()
}

/// Where cargo keeps what it has fetched and installed.
pub(crate) fn cargo_home() -> Option<PathBuf> {
    #[allow(clippy::disallowed_methods, reason = "a build task reads cargo's environment")]
    let (cargo, home) = (std::env::var_os("CARGO_HOME"), std::env::var_os("HOME"));
    cargo.map(PathBuf::from).or_else(|| home.map(|home| Path::new(&home).join(".cargo")))
}

/// Folders that hold a libLLVM of the compiler's major version: its own, the default toolchain's, the
/// system's.
fn llvm_folders(compiler: &Compiler) -> Vec<PathBuf> {
    let mut folders = vec![compiler.sysroot.join("lib")];
    if let Ok(sysroot) = output(Command::new("rustc").args(["--print", "sysroot"])) {
        folders.push(PathBuf::from(sysroot).join("lib"));
    }
    folders.extend(
        ["x86_64-linux-gnu", "aarch64-linux-gnu"].map(|arch| Path::new("/usr/lib").join(arch)),
    );
    let fits = |folder: &PathBuf| {
        fs::read_dir(folder).is_ok_and(|entries| {
            entries.filter_map(Result::ok).any(|entry| {
                let name = entry.file_name().to_string_lossy().into_owned();
                name.starts_with("libLLVM") && name.contains(&compiler.llvm)
            })
        })
    };
    folders.retain(fits);
    folders
}

/// The commands that put a usable set-up in place, for a person to copy.
pub(crate) fn instructions() -> String {
    format!(
        "on any machine with rustup:\n\
         \x20   rustup toolchain install nightly --component rust-src\n\
         or on Debian 12:\n\
         \x20   apt-get install --no-install-recommends {}\n\
         and the linker:\n\
         \x20   cargo install bpf-linker --version {BPF_LINKER} --locked\n\
         or let `cargo xtask build-ebpf --install` do it (as root on Debian)",
        DEBIAN_PACKAGES.join(" ")
    )
}

/// Installs what is missing: Debian's compiler (only there, only as root) and the linker.
///
/// # Errors
/// A command that failed, by name.
pub(crate) fn install() -> Result<()> {
    if compilers().0.is_empty() {
        ensure!(
            Path::new("/usr/bin/apt-get").exists() && output(Command::new("id").arg("-u"))? == "0",
            "a compiler can be installed only as root on Debian; {}",
            instructions()
        );
        run(Command::new("apt-get").args(["update", "--quiet"]))?;
        run(Command::new("apt-get")
            .args(["install", "--yes", "--quiet", "--no-install-recommends"])
            .args(DEBIAN_PACKAGES)
            .env("DEBIAN_FRONTEND", "noninteractive"))?;
    }
    if !linker_candidates().iter().any(|path| path.is_file()) {
        // Beside the sources' own build: it is of use to every clone.
        let arguments = ["install", "bpf-linker", "--version", BPF_LINKER, "--locked"];
        run(Command::new("cargo").args(arguments))?;
    }
    Ok(())
}

/// Runs a command to its end with its output shown.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("starting {command:?}"))?;
    ensure!(status.success(), "{command:?}: {status}");
    Ok(())
}

/// The standard output of a command that succeeds, trimmed.
fn output(command: &mut Command) -> Result<String> {
    let out = command.output().with_context(|| format!("starting {command:?}"))?;
    ensure!(
        out.status.success(),
        "{command:?}: {} {}",
        out.status,
        String::from_utf8_lossy(&out.stderr).trim()
    );
    Ok(String::from_utf8_lossy(&out.stdout).trim().to_owned())
}
