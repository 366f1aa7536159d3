//! `cargo xtask build-ebpf`: the kernel programs' sources to the object that `cargo build` embeds.
//!
//! The object is committed, so that users need no eBPF toolchain, together with a record of what it
//! was made from. Same sources and compiler give the same bytes, whatever the folder.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, anyhow, bail, ensure};

use crate::{source_hash, toolchain};

const OBJECT: &str = "proxy-ebpf/object/ebbtide.bpf.o";
const RECORD: &str = "proxy-ebpf/object/ebbtide.bpf.sha256";
const TARGET: &str = "bpfel-unknown-none";

/// Arguments of `build-ebpf`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Install what is missing first (as root on Debian: the compiler; anywhere: bpf-linker)
    #[arg(long)]
    install: bool,
    /// Rebuild elsewhere and fail if the committed object or its record differs
    #[arg(long)]
    check: bool,
}

/// Builds, or checks, the object.
///
/// # Errors
/// A missing tool (with the commands that install it), a failed build, or, with `check`, a difference.
pub(crate) fn run(root: &Path, args: &Args) -> Result<()> {
    if args.install {
        toolchain::install()?;
    }
    let recorded = fs::read_to_string(root.join(RECORD)).unwrap_or_default();
    let (compilers, missing) = toolchain::compilers();
    // Another compiler gives other bytes: where there is a choice, take the one on record.
    let compiler = compilers
        .iter()
        .find(|compiler| recorded.lines().any(|line| line == compiler.version))
        .or(compilers.first())
        .with_context(|| no_compiler(&missing))?;
    let linker = toolchain::linker(compiler)
        .map_err(|error| anyhow!("{error:#}\nto get it, {}", toolchain::instructions()))?;
    eprintln!("compiler: {} ({}), {}", compiler.name, compiler.version, compiler.rustc.display());
    eprintln!(
        "linker: {} ({}), LLVM from {}",
        linker.version,
        linker.path.display(),
        linker.llvm.display()
    );

    let target_dir = root.join(if args.check { "target/ebpf-check" } else { "target/ebpf" });
    if args.check && target_dir.exists() {
        // Nothing of an earlier build may stand in for this one.
        fs::remove_dir_all(&target_dir)
            .with_context(|| format!("removing {}", target_dir.display()))?;
    }
    let object = build(root, &target_dir, compiler, &linker)?;
    ensure_no_paths(root, &object)?;
    let record = format!(
        "sources {}\nobject {}\n{}\n{}\n",
        source_hash::sources(root)?,
        source_hash::bytes(&object),
        compiler.version,
        linker.version,
    );
    if args.check {
        let committed = fs::read(root.join(OBJECT)).with_context(|| format!("reading {OBJECT}"))?;
        ensure!(
            committed == object && recorded == record,
            "{OBJECT} is not what its sources give: run `cargo xtask build-ebpf` and commit the result\n\
             recorded:\n{recorded}rebuilt:\n{record}"
        );
        eprintln!("{OBJECT} is what its sources give");
        return Ok(());
    }
    let path = root.join(OBJECT);
    fs::create_dir_all(path.parent().context("the object has no folder")?)?;
    fs::write(&path, &object).with_context(|| format!("writing {OBJECT}"))?;
    fs::write(root.join(RECORD), record).with_context(|| format!("writing {RECORD}"))?;
    eprintln!("wrote {OBJECT}, {} bytes", object.len());
    Ok(())
}

fn no_compiler(missing: &[String]) -> String {
    format!(
        "no compiler for eBPF here:\n    {}\nto get one, {}",
        missing.join("\n    "),
        toolchain::instructions()
    )
}

/// Compiles and links; the object's bytes.
fn build(
    root: &Path,
    target_dir: &Path,
    compiler: &toolchain::Compiler,
    linker: &toolchain::Linker,
) -> Result<Vec<u8>> {
    let mut flags = OsString::from("-Clinker=");
    flags.push(&linker.path);
    // No folder of the machine that builds may reach the object: it would differ on the next one.
    for (from, to) in [
        (root.to_path_buf(), "/ebbtide"),
        (cargo_home()?, "/cargo"),
        (compiler.sysroot.clone(), "/rust"),
    ] {
        // Cargo separates encoded flags by the ASCII unit separator.
        flags.push("\u{1f}--remap-path-prefix=");
        flags.push(from);
        flags.push(format!("={to}"));
    }
    let mut command = Command::new(&compiler.cargo);
    command
        .current_dir(root.join("proxy-ebpf"))
        .args(["build", "--release", "--locked", "-Zbuild-std=core", "--target", TARGET])
        .arg("--target-dir")
        .arg(target_dir)
        .env("RUSTC", &compiler.rustc)
        .env("CARGO_ENCODED_RUSTFLAGS", flags)
        .env("LD_LIBRARY_PATH", &linker.llvm);
    // What the calling cargo, or a developer's shell, sets for the main workspace.
    for name in [
        "RUSTFLAGS",
        "RUSTUP_TOOLCHAIN",
        "RUSTC_WRAPPER",
        "RUSTC_WORKSPACE_WRAPPER",
        "RUSTDOC",
        "CARGO",
    ] {
        command.env_remove(name);
    }
    if compiler.bootstrap {
        command.env("RUSTC_BOOTSTRAP", "1");
    }
    toolchain::run(&mut command)?;
    let built = target_dir.join(TARGET).join("release/ebbtide");
    fs::read(&built).with_context(|| format!("reading {}", built.display()))
}

fn cargo_home() -> Result<PathBuf> {
    toolchain::cargo_home().context("neither CARGO_HOME nor HOME is set")
}

/// Refuses an object that names a folder of this machine.
fn ensure_no_paths(root: &Path, object: &[u8]) -> Result<()> {
    for path in [root.to_path_buf(), cargo_home()?] {
        let needle = path.as_os_str().as_encoded_bytes();
        if object.windows(needle.len()).any(|window| window == needle) {
            bail!("the object names the folder {}", path.display());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn committed_object_is_of_the_sources_at_hand() {
        let root = crate::workspace_root().unwrap();
        let record = fs::read_to_string(root.join(RECORD)).unwrap_or_default();
        let field = |name: &str| {
            record.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim()
        };
        let object = fs::read(root.join(OBJECT)).unwrap_or_default();
        assert!(
            field("sources ") == source_hash::sources(&root).unwrap()
                && field("object ") == source_hash::bytes(&object),
            "the kernel programs' sources changed after {OBJECT} was built: run cargo xtask build-ebpf"
        );
    }
}
